function told = run(session, score, varargin)
%PULLBACK.RUN  Run a session: ask, score, tell, until it is finished.
%
%   PULLBACK.RUN(SESSION, SCORE) calls SCORE(PIXELS) with every image, as imread
%   returns it, and tells what it returns: a number, or NaN where there is none.
%   It ends when every thread has had its max_generations, or when somebody
%   closes the session; while the session is paused, it waits.
%
%      trials    ends once so many trials have been told
%
%   TOLD = PULLBACK.RUN(...) returns how many trials were told.
%
%   Example:
%      session = pullback.evolve('faces', 'max_generations', 20);
%      pullback.run(session, @(pixels) mean(pixels(:)));
%
%   See also pullback.evolve, pullback.ask, pullback.tell.

  options = pullback.internal.options(varargin, {'trials'});
  most = Inf;
  if isfield(options, 'trials')
    most = options.trials;
  end
  told = 0;
  while told < most
    [trials, finished] = next(session);
    if finished
      return
    end
    scores = zeros(1, numel(trials));
    for i = 1:numel(trials)
      scores(i) = score(pullback.image(session, trials(i)));
    end
    pullback.tell(session, trials, scores);
    told = told + numel(trials);
  end
end

function [trials, finished] = next(session)
  while true
    try
      [trials, finished] = pullback.ask(session);
      return
    catch failure
      if ~strcmp(failure.identifier, 'pullback:failed_precondition')
        rethrow(failure);
      end
    end
    % Paused or closed; one that is neither was resumed between the two calls.
    status = pullback.status(session);
    if strcmp(status.state, 'SESSION_STATE_CLOSED')
      trials = [];
      finished = true;
      return
    end
    if strcmp(status.state, 'SESSION_STATE_PAUSED')
      pause(1);
    end
  end
end
