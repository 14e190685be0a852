function told = run(session, score, varargin)
%PULLBACK.RUN  Run a session: ask, score, tell, until it is finished.
%
%   PULLBACK.RUN(SESSION, SCORE) calls SCORE(PIXELS) with every image, as imread
%   returns it, and tells what it returns: a number, or NaN where there is none.
%   It ends when every thread has had its max_generations, or when somebody
%   closes the session; while the session is paused, it waits. Where SCORE, or
%   an image, fails, the scores that there are of the batch are told, what was
%   not scored can be asked for again, and the failure is raised. Where a thread
%   cannot go on, its error is raised once the others have ended.
%
%      trials         ends once so many trials have been told
%      max_failures   after so many trials in a row without a score there is an
%                     error, since such images are shown again; 100, or Inf
%
%   TOLD = PULLBACK.RUN(...) returns how many trials were told.
%
%   Example:
%      session = pullback.evolve('faces', 'max_generations', 20);
%      pullback.run(session, @(pixels) mean(pixels(:)));
%
%   See also pullback.evolve, pullback.ask, pullback.tell.

  options = pullback.internal.options(varargin, {'trials', 'max_failures'});
  most = Inf;
  if isfield(options, 'trials')
    most = options.trials;
  end
  most_failures = 100;
  if isfield(options, 'max_failures')
    most_failures = options.max_failures;
  end
  told = 0;
  failures = 0;
  finished = false;
  while told < most
    [trials, finished] = next(session);
    if finished
      break
    end
    [scores, failure, failures] = scores_of(session, trials, score, failures, most_failures);
    % What was scored before a failure is told all the same.
    done = trials(1:numel(scores));
    if ~isempty(done) && ~try_to_tell(session, done, scores)
      finished = true;
      break
    end
    told = told + numel(done);
    if ~isempty(failure)
      hand_back(session, trials(numel(done) + 1:end));
      rethrow(failure);
    end
  end
  if finished
    % A session that was closed may have a thread that failed before.
    pullback.internal.raise_failure(session, []);
  end
end

function hand_back(session, trials)
% Nobody has to wait until the lease of what was not scored is over.
  reports = cell(1, numel(trials));
  for i = 1:numel(trials)
    reports{i} = struct('trial_id', trials(i).trial_id, 'outcome', 'OUTCOME_ABANDONED');
  end
  request = struct('session', session.name);
  request.trials = reports;
  pullback.call(session.server, 'Search/Tell', request);
end

function [scores, failure, failures] = scores_of(session, trials, score, failures, most_failures)
% The scores up to the first failure, if any, and how many trials in a row had none.
  scores = zeros(1, 0);
  failure = [];
  try
    for i = 1:numel(trials)
      value = score(pullback.image(session, trials(i)));
      if ~isscalar(value) || ~(isnumeric(value) || islogical(value)) || ~isreal(value) || isinf(value)
        error('pullback:invalid_argument', ...
          'the score of %s: expected a finite real number, or NaN where there is none, but %s came', ...
          trials(i).image_id, pullback.internal.shown(value));
      end
      scores(i) = double(value);
      if ~trials(i).reference
        failures = (failures + 1) * isnan(scores(i));
      end
      if failures >= most_failures
        error('pullback:failed_precondition', ...
          ['%d trials in a row had no score, the last of them %s of %s, and such images are shown again and ' ...
           'again: mend the score function and run the session again, or allow more with max_failures'], ...
          failures, trials(i).trial_id, trials(i).image_id);
      end
    end
  catch failure
  end
end

function open = try_to_tell(session, trials, scores)
% False where somebody closed the session in the meantime, and no more scores are taken.
  open = true;
  try
    pullback.tell(session, trials, scores);
  catch failure
    if ~strcmp(failure.identifier, 'pullback:failed_precondition') || ~is_closed(session)
      rethrow(failure);
    end
    open = false;
  end
end

function yes = is_closed(session)
  status = pullback.status(session);
  yes = strcmp(status.state, 'SESSION_STATE_CLOSED');
end

function [trials, finished] = next(session)
  resumed = false;
  said = false;
  while true
    try
      [trials, finished] = pullback.ask(session);
      return
    catch failure
      if ~strcmp(failure.identifier, 'pullback:failed_precondition')
        rethrow(failure);
      end
    end
    status = pullback.status(session);
    switch status.state
      case 'SESSION_STATE_CLOSED'
        trials = [];
        finished = true;
        return
      case 'SESSION_STATE_PAUSED'
        resumed = false;
        if ~said && isfield(status, 'pause_reason') && ~isempty(status.pause_reason)
          warning('pullback:paused', 'the session was paused: %s', status.pause_reason);
          said = true;
        end
        pause(1);
      otherwise
        % Resumed between the two calls; but twice in a row it is something else.
        if resumed
          rethrow(failure);
        end
        resumed = true;
    end
  end
end
