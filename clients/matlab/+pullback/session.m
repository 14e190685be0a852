function attached = session(name, varargin)
%PULLBACK.SESSION  Attach to a session again, by its name.
%
%   SESSION = PULLBACK.SESSION(NAME) attaches to the session of that name, such
%   as 'sessions/4f0c...'; PULLBACK.SESSIONS lists them.
%   SESSION = PULLBACK.SESSION(NAME, 'server', ADDRESS) does so on another server
%   than 'http://127.0.0.1:50052'.
%
%   See also pullback.evolve, pullback.sessions.

  options = pullback.internal.options(varargin, {'server'});
  server = 'http://127.0.0.1:50052';
  if isfield(options, 'server')
    server = options.server;
  end
  resource = pullback.call(server, 'Search/GetSession', struct('name', name), 0);
  attached = struct('server', server, 'name', resource.name);
end
