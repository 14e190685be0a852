function resume(session)
%PULLBACK.RESUME  Go on asking.
%
%   PULLBACK.RESUME(SESSION) changes nothing where it is so already.
%
%   See also pullback.status.

  pullback.call(session.server, 'Search/ResumeSession', struct('name', session.name));
end
