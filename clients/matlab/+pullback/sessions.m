function list = sessions(varargin)
%PULLBACK.SESSIONS  The newest sessions of a server, at most 100, as a struct array.
%
%   LIST = PULLBACK.SESSIONS() lists the sessions of 'http://127.0.0.1:50052'.
%   LIST = PULLBACK.SESSIONS('server', ADDRESS) lists those of another server.
%
%   See also pullback.session, pullback.status.

  options = pullback.internal.options(varargin, {'server'});
  server = 'http://127.0.0.1:50052';
  if isfield(options, 'server')
    server = options.server;
  end
  answer = pullback.call(server, 'Search/ListSessions', struct(), 0);
  list = pullback.internal.records(answer.sessions);
end
