function told = tell(session, trials, scores, varargin)
%PULLBACK.TELL  Tell the scores of trials; they are on the server's disk when this returns.
%
%   PULLBACK.TELL(SESSION, TRIALS, SCORES) tells one score per trial. TRIALS is
%   what PULLBACK.ASK returned, or a cell array of trial ids; SCORES a vector,
%   NaN where there is none: a fixation break, no spikes. Or SCORES is a
%   matrix, trials x channels, and the server weighs the channels; a row with a
%   NaN is a trial without a score.
%   PULLBACK.TELL(SESSION, TRIALS, SCORES, VALID) says by a logical vector which
%   scores there are; what stands in SCORES for the others does not matter.
%
%      t_onsets         when each image appeared, in seconds of the rig's clock
%      end_generation   threads, from 0, for whose open generation no more
%                       scores will come
%
%   Trials may be told in any order, in parts, late, and again: what is known
%   already counts once. A trial that was told before with another score raises
%   pullback:already_exists, and nothing is written.
%
%   TOLD = PULLBACK.TELL(...) counts what was recorded, repeated_reports and
%   late, and describes the threads afterwards.
%
%   See also pullback.ask.

  if ~(isnumeric(scores) || islogical(scores)) || ~isreal(scores)
    error('pullback:invalid_argument', ...
      'scores: expected real numbers, but %s came; give abs or real of complex ones', pullback.internal.shown(scores));
  end
  ids = ids_of(trials);
  valid = [];
  if mod(numel(varargin), 2) == 1
    valid = varargin{1};
    varargin(1) = [];
  end
  options = pullback.internal.options(varargin, {'t_onsets', 'end_generation'});
  count = numel(ids);
  % A row of scores is a vector as well; a matrix of as many numbers is not.
  if numel(scores) == count && (isempty(scores) || isvector(scores))
    scores = scores(:);
  end
  if size(scores, 1) ~= count
    error('pullback:invalid_argument', ...
      'expected %d scores, one per trial, or one row of channel values per trial, but %s came', count, ...
      pullback.internal.shown(size(scores)));
  end
  if isempty(valid)
    valid = ~any(isnan(scores), 2);
  end
  valid = logical(valid(:));
  check(scores, valid, count);
  request = struct('session', session.name);
  if size(scores, 2) <= 1
    request.columns = columns_of(ids, scores, valid, options);
  else
    request.trials = reports_of(ids, scores, valid, options);
  end
  if isfield(options, 'end_generation')
    request.end_generation = options.end_generation;
  end
  told = pullback.call(session.server, 'Search/Tell', request);
  told.threads = pullback.internal.records(told.threads);
end

function ids = ids_of(trials)
  if isempty(trials)
    ids = {};
  elseif isstruct(trials)
    ids = {trials.trial_id};
  elseif ischar(trials)
    ids = {trials};
  else
    ids = reshape(cellstr(trials), 1, []);
  end
end

function check(scores, valid, count)
  if numel(valid) ~= count
    error('pullback:invalid_argument', 'valid: expected %d entries, one per trial, but %d came', count, numel(valid));
  end
  % In JSON an infinity would be null, as NaN is.
  bad = find(valid & any(~isfinite(scores), 2), 1);
  if ~isempty(bad)
    error('pullback:invalid_argument', ...
      'scores: trial %d is valid, but its score is not finite; give NaN without valid, or valid false', bad);
  end
end

function columns = columns_of(ids, scores, valid, options)
  scores(~valid) = 0;
  columns = struct('scores', scores', 'valid', valid');
  columns.trial_ids = ids;
  if isfield(options, 't_onsets')
    columns.t_onsets = reshape(options.t_onsets, 1, []);
  end
end

function reports = reports_of(ids, scores, valid, options)
  reports = cell(1, numel(ids));
  for i = 1:numel(ids)
    report = struct('trial_id', ids{i}, 'outcome', 'OUTCOME_FAILED');
    if valid(i)
      report.outcome = 'OUTCOME_SCORED';
      report.channel_values = scores(i, :);
    end
    if isfield(options, 't_onsets')
      report.t_onset = options.t_onsets(i);
    end
    reports{i} = report;
  end
end
