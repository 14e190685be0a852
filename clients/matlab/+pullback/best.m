function [score, image_id] = best(session, thread)
%PULLBACK.BEST  The best score of a thread so far, and the image that has it.
%
%   [SCORE, IMAGE_ID] = PULLBACK.BEST(SESSION) is of thread 0,
%   [SCORE, IMAGE_ID] = PULLBACK.BEST(SESSION, THREAD) of another, from 0. Before the
%   first generation is complete SCORE is NaN and IMAGE_ID is ''.
%
%   See also pullback.status, pullback.image.

  if nargin < 2
    thread = 0;
  end
  status = pullback.status(session);
  if ~any(thread == 0:numel(status.threads) - 1)
    error('pullback:invalid_argument', 'expected a thread from 0 to %d, but %s came', ...
      numel(status.threads) - 1, pullback.internal.shown(thread));
  end
  record = status.threads(thread + 1);
  score = NaN;
  image_id = record.best_image_id;
  if isfield(record, 'best_score') && ~isempty(record.best_score)
    score = record.best_score;
  end
end
