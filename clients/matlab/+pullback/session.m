function attached = session(name, varargin)
%PULLBACK.SESSION  Attach to a session again, by its name.
%
%   SESSION = PULLBACK.SESSION(NAME) attaches to the session of that name, such
%   as 'sessions/3kv8wq2n'; '3kv8wq2n', the beginning of one session's id, or its
%   title will do. PULLBACK.SESSIONS lists them.
%
%      server         default 'http://127.0.0.1:50052'
%      client_name    who asks, of no two programs that run at a time: what was
%                     asked for under this name and never told, as by a MATLAB
%                     that crashed, is taken back at once and shown again
%
%   See also pullback.evolve, pullback.sessions, pullback.reclaim.

  options = pullback.internal.options(varargin, {'server', 'client_name'});
  server = 'http://127.0.0.1:50052';
  if isfield(options, 'server')
    server = options.server;
  end
  resource = pullback.internal.find_session(server, name);
  attached = struct('server', server, 'name', resource.name, 'client', pullback.internal.client_name(options));
  if isfield(options, 'client_name')
    pullback.reclaim(attached);
  end
end
