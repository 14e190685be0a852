function answer = call(server, method, request, outage)
%PULLBACK.CALL  Call any unary method of a Pullback server.
%
%   ANSWER = PULLBACK.CALL(SERVER, METHOD, REQUEST) calls METHOD, such as
%   'Jobs/GetJob', with the fields of the struct REQUEST, and returns the
%   answer as a struct. SERVER is an address such as 'http://127.0.0.1:50052'.
%   The methods and their fields are those of protos/pullback_api/v1/*.proto.
%
%   ANSWER = PULLBACK.CALL(SERVER, METHOD, REQUEST, OUTAGE) goes on trying for
%   OUTAGE seconds while the server is away, 30 unless said otherwise, so that
%   a session survives the server's restart. A server that needs longer than
%   4 s says so, and is asked again with the same request, which takes up what
%   the first one began.
%
%   A server lets in programs of its own user on this machine by themselves. For
%   that of another user, put its token, which stands in the file 'token' of the
%   server's data folder, into the environment variable PULLBACK_TOKEN, as by
%   setenv('PULLBACK_TOKEN', TOKEN), or the name of a file that holds it into
%   PULLBACK_TOKEN_FILE; otherwise pullback:unauthenticated is raised.
%
%   A refusal is raised as an error with the identifier pullback:CODE, such as
%   pullback:not_found or pullback:invalid_argument, and the server's words.
%
%   Example:
%      jobs = pullback.call('http://127.0.0.1:50052', 'Jobs/ListJobs', struct());
%
%   See also pullback.evolve.

  if nargin < 4
    outage = 30;
  end
  if isempty(regexp(method, '^[A-Za-z]+/[A-Za-z]+$', 'once'))
    error('pullback:invalid_argument', 'expected a method such as ''Search/Ask'', but ''%s'' came', method);
  end
  url = sprintf('%s/pullback_api.v1.%s', pullback.internal.address(server), method);
  text = jsonencode(request);
  refused = '';
  began = tic();
  while true
    token = pullback.internal.token(url);
    try
      reply = pullback.internal.post(url, text, token);
    catch failure
      if toc(began) >= outage
        error('pullback:unreachable', ...
          'no answer from %s (%s); is it running? Start it with: pullback serve --http HOST:PORT', ...
          server, failure.message);
      end
      pause(0.5);
      continue
    end
    answer = jsondecode(reply);
    if ~is_error(answer)
      return
    end
    if strcmp(answer.error.code, 'unauthenticated') && isempty(refused)
      % A server that was started anew meanwhile takes another token.
      refused = token;
      if ~strcmp(pullback.internal.token(url), refused)
        continue
      end
    end
    wait_ms = answer.error.retry_after_ms;
    % What is not ready comes within minutes: at worst a worker starts and loads its model.
    if wait_ms == 0 || toc(began) >= 300
      error(['pullback:' answer.error.code], '%s', answer.error.message);
    end
    pause(wait_ms / 1000);
  end
end

function yes = is_error(answer)
% A job has a field of that name too, among others.
  yes = isstruct(answer) && isequal(fieldnames(answer), {'error'});
end
