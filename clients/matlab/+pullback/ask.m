function [trials, finished] = ask(session, varargin)
%PULLBACK.ASK  Ask for trials to show, and wait until there are some.
%
%   TRIALS = PULLBACK.ASK(SESSION) returns all trials that the open generations
%   need, in the order in which to show them: a struct array, 1 x n, with
%   trial_id, image_id, thread, generation, repetition, reference, lease_time
%   and image_path (what follows the server's address in the image's URL).
%   They are yours until they are told, or for the session's lease.
%
%   [TRIALS, FINISHED] = PULLBACK.ASK(...) also tells whether every thread, or
%   every one of THREADS, has ended; TRIALS is empty then.
%
%   Where no eigenbasis serves, the first generation has to wait until the server
%   has computed one: the warning pullback:waiting names the job once.
%
%      count      at most so many trials
%      threads    only of these threads, from 0
%      timeout    wait at most so many seconds; TRIALS may be empty then
%
%   A session that is paused or closed raises pullback:failed_precondition. Where
%   every one of these threads has ended and one of them cannot go on, its error
%   is raised. While there is nothing to show because trials were asked for and
%   not told, as by a MATLAB that crashed, the warning pullback:leased says so
%   once, after 5 s; PULLBACK.RECLAIM takes them back.
%
%   See also pullback.tell, pullback.image.

  options = pullback.internal.options(varargin, {'count', 'threads', 'timeout'});
  % The same name at every try: a lost answer leases no other trials.
  request = struct('session', session.name, 'request_id', pullback.internal.unique_name(), 'wait', 3);
  if isfield(session, 'client')
    request.client = session.client;
  end
  timeout = Inf;
  threads = [];
  if isfield(options, 'count')
    request.count = options.count;
  end
  if isfield(options, 'threads')
    threads = options.threads;
    request.threads = threads;
  end
  if isfield(options, 'timeout')
    timeout = options.timeout;
  end
  began = tic();
  said = false;
  while true
    request.wait = max(0, min(3, timeout - toc(began)));
    answer = pullback.call(session.server, 'Search/Ask', request);
    trials = pullback.internal.records(answer.trials);
    finished = answer.finished;
    if finished
      pullback.internal.raise_failure(session, threads);
    end
    if ~isempty(trials) || finished || toc(began) >= timeout
      return
    end
    if ~said && isfield(answer, 'waiting_for') && ~isempty(answer.waiting_for)
      warning('pullback:waiting', 'waiting for %s: computing the eigenbasis', answer.waiting_for);
      said = true;
    elseif ~said && ~answer.more && toc(began) >= 5
      reason = pullback.internal.leases(session, threads);
      if ~isempty(reason)
        warning('pullback:leased', '%s', reason);
        said = true;
      end
    end
    pause(answer.retry_after_ms / 1000);
  end
end
