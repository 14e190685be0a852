function pause(session)
%PULLBACK.PAUSE  Stop asking; tells are still taken.
%
%   PULLBACK.PAUSE(SESSION) changes nothing where it is so already.
%
%   See also pullback.status.

  pullback.call(session.server, 'Search/PauseSession', struct('name', session.name));
end
