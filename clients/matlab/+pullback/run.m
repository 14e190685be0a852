function told = run(session, score, varargin)
%PULLBACK.RUN  Run a session: ask, score, tell, until it is finished.
%
%   PULLBACK.RUN(SESSION, SCORE) calls SCORE(PIXELS) with every image, as imread
%   returns it, and tells what it returns: a number, or NaN where there is none.
%   It ends when every thread has had its max_generations.
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
    [trials, finished] = pullback.ask(session);
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
