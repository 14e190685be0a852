function close(session)
%PULLBACK.CLOSE  End a session for good; it can still be read and exported.
%
%   PULLBACK.CLOSE(SESSION) changes nothing where it is so already.
%
%   See also pullback.status.

  pullback.call(session.server, 'Search/CloseSession', struct('name', session.name));
end
