% A rig in Octave: evolves `tiny` for brightness against the server of PULLBACK_HTTP, through all that can happen to it.
% Run by test_matlab.py; it writes the names of its first two sessions.

warning('off', 'Octave:shadowed-function');
addpath(getenv('PULLBACK_MATLAB'));
server = getenv('PULLBACK_HTTP');
folder = getenv('PULLBACK_FOLDER');

function check(condition, what)
  if ~condition
    error('rig:check', 'not so: %s', what);
  end
end

function failure = refused(action)
  try
    action();
  catch failure
    return
  end
  error('rig:check', 'not refused: %s', func2str(action));
end

function score = pausing(session, pixels)
  pullback.pause(session);
  score = mean(double(pixels(:)));
end

function score = closing(session, pixels)
  pullback.close(session);
  score = mean(double(pixels(:)));
end

function score = failing_at(what, otherwise_score, number)
  count = containers.Map('n', 0);
  score = @(pixels) score_or_fail(count, what, otherwise_score, number, pixels);
end

function score = score_or_fail(count, what, otherwise_score, number, pixels)
  count('n') = count('n') + 1;
  if count('n') < number
    score = otherwise_score(pixels);
  elseif ischar(what)
    error('rig:camera', what);
  else
    score = what;
  end
end

brightness = @(pixels) mean(double(pixels(:)));

% A session of two generations, told in every way there is.
session = pullback.evolve('tiny', 'server', server, 'optimizer', 'cma', 'population', 6, 'seed', 3, ...
  'max_generations', 2, 'title', 'Wie hell? ☀', 'notes', struct('subject', 'M1'), 'size', [32 24]);
trials = pullback.ask(session);
check(isequal(size(trials), [1 6]), 'six trials');
check(all([trials.generation] == 0), 'of the first generation');
pixels = pullback.image(session, trials(1));
check(isa(pixels, 'uint8') && isequal(size(pixels), [24 32 3]), 'an image of the size that was asked for');
files = pullback.save(session, trials(1:2), fullfile(folder, 'shown'));
check(isequal(imread(files{1}), pixels), 'the saved file is the image');

scores = arrayfun(@(trial) brightness(pullback.image(session, trial)), trials);
told = pullback.tell(session, trials(1), scores(1), 't_onsets', 0.5);
check(told.recorded == 1, 'one told alone');
scores(2) = NaN;
told = pullback.tell(session, trials(2:4), scores(2:4));
check(told.recorded == 3, 'NaN is told as a trial without a score');
told = pullback.tell(session, trials(4:-1:2), scores(4:-1:2));
check(told.recorded == 0 && told.repeated_reports == 3, 'what is known counts once');
failure = refused(@() pullback.tell(session, trials(1), scores(1) + 1));
check(strcmp(failure.identifier, 'pullback:already_exists'), 'another score for the same trial is a conflict');
valid = [true false];
told = pullback.tell(session, {trials(5:6).trial_id}, [scores(5), 1e9], valid);
check(told.recorded == 2, 'valid says which scores there are');

% The two without a score are shown again.
again = pullback.ask(session);
check(isequal(sort({again.image_id}), sort({trials([2 6]).image_id})), 'only what is missing is shown again');
pullback.pause(session);
failure = refused(@() pullback.ask(session));
check(strcmp(failure.identifier, 'pullback:failed_precondition'), 'a paused session is not asked');
pullback.resume(session);

% Attached again by its name, as after a restart of Octave.
session = pullback.session(session.name, 'server', server);
for i = 1:numel(again)
  pullback.tell(session, again(i).trial_id, brightness(pullback.image(session, again(i).image_id)));
end
told = pullback.run(session, brightness);
check(told == 6, 'the second generation runs by itself');
[trials, finished] = pullback.ask(session);
check(isempty(trials) && finished, 'and it was the last');
status = pullback.status(session);
check(strcmp(status.threads.state, 'THREAD_STATE_FINISHED'), 'the thread is finished');
check(status.trials == 14, 'eight trials and six were told');
check(strcmp(status.spec.title, 'Wie hell? ☀'), 'texts come back as they were sent');
[score, image_id] = pullback.best(session);
check(abs(score - brightness(pullback.image(session, image_id))) < 1e-9, 'the best image has the best score');
pullback.close(session);
status = pullback.status(session);
check(strcmp(status.state, 'SESSION_STATE_CLOSED'), 'closed');
check(pullback.run(session, brightness) == 0, 'a closed session has nothing to run');
listed = pullback.sessions('server', server);
check(any(strcmp({listed.name}, session.name)), 'it is listed');

% Two threads, a reference and channels.
threads = {pullback.thread('tiny', 'optimizer', 'genetic', 'population', 4, 'channel_weights', [1 0.5], ...
    'initial_latents', reshape(1:32, 4, 8) / 32), ...
  pullback.thread('tiny', 'optimizer', 'random', 'population', 3)};
both = pullback.evolve(threads, 'server', server, 'references', struct('grey', files{1}), 'missing', 'drop');
check(isnan(pullback.best(both, 1)), 'no score yet');
trials = pullback.ask(both, 'threads', 1);
check(numel(trials) == 4 && sum([trials.reference]) == 1, 'three images and the reference');
pullback.tell(both, trials, [1; 2; NaN; 4] * [1 1 2]);
trials = pullback.ask(both, 'count', 2, 'threads', 0, 'timeout', 30);
check(numel(trials) == 2, 'no more than was asked for');
pullback.tell(both, trials, [1 3; 2 4], 'end_generation', 0);
status = pullback.status(both);
check(numel(status.threads) == 2, 'both threads are told of');

% A MATLAB that crashed: what it asked for and never told is taken back, by whoever attaches under its name.
lost = pullback.evolve('tiny', 'server', server, 'optimizer', 'cma', 'population', 4, 'title', 'slow rig', ...
  'balance', 'block', 'client_name', 'rig 2');
check(numel(pullback.ask(lost, 'timeout', 30)) == 4, 'four are out');
other = pullback.session('slow rig', 'server', server);
[taken, pending] = pullback.reclaim(other);
check(isempty(taken) && numel(pending) == 1 && strcmp(pending.client, 'rig 2'), 'they are not another''s to take');
attached = pullback.session(lost.name(1:end-2), 'server', server, 'client_name', 'rig 2');
check(numel(pullback.ask(attached, 'timeout', 30)) == 4, 'they are shown again');
check(numel(pullback.reclaim(other, 'client', 'rig 2')) == 4, 'and may be taken by their name');
failure = refused(@() pullback.session('no such rig', 'server', server));
check(strcmp(failure.identifier, 'pullback:not_found'), 'a title that no session has');

% Scores that the server makes up.
dry = pullback.evolve('tiny', 'server', server, 'optimizer', 'cma', 'population', 4, 'max_generations', 1, 'dry_run', true);
check(pullback.run(dry, @(pixels) 0, 'trials', 4) == 4, 'a dry run');
check(pullback.best(dry) ~= 0, 'whose scores are not the told ones');

% Paused at every image; test_matlab.py resumes it.
paused = pullback.evolve('tiny', 'server', server, 'optimizer', 'cma', 'population', 3, 'max_generations', 2, ...
  'title', 'resume me');
check(pullback.run(paused, @(pixels) pausing(paused, pixels)) == 6, 'a session that is paused is waited for');

% Closed while an image is scored, and a score function that fails.
closed = pullback.evolve('tiny', 'server', server, 'optimizer', 'cma', 'population', 3);
check(pullback.run(closed, @(pixels) closing(closed, pixels)) == 0, 'a session that is closed takes no more scores');
for value = {'no camera', Inf}
  failing = pullback.evolve('tiny', 'server', server, 'optimizer', 'cma', 'population', 4);
  failure = refused(@() pullback.run(failing, failing_at(value{1}, brightness, 2)));
  check(~isempty(regexp(failure.message, 'no camera|but Inf came', 'once')), 'its failure is raised');
  check(numel(pullback.ask(failing, 'timeout', 20)) == 3, 'one was told, and the others can be asked for at once');
end

% Trials that were asked for and never told, as by a rig that crashed.
lost = pullback.evolve('tiny', 'server', server, 'optimizer', 'cma', 'population', 3);
pullback.ask(lost);
lastwarn('', '');
[trials, finished] = pullback.ask(lost, 'timeout', 7);
[words, identifier] = lastwarn();
check(isempty(trials) && ~finished, 'nothing to show while they are out');
check(strcmp(identifier, 'pullback:leased'), 'which is said');
check(~isempty(strfind(words, 'the trials of 3 images of thread 0 were asked for and not told')), 'with what is out');
pullback.tell(lost, {}, [], 'end_generation', 0);
check(numel(pullback.ask(lost)) == 3, 'they are shown again');

% An eigenbasis, whole and in part.
job = pullback.call(server, 'Geometry/ComputeEigenbasis', ...
  struct('spec', struct('generator', 'generators/tiny', 'distance', 'mse', 'samples', 20)));
while ~any(strcmp(job.state, {'JOB_STATE_SUCCEEDED', 'JOB_STATE_FAILED'}))
  job = pullback.call(server, 'Jobs/WaitJob', struct('name', job.name));
end
basis = pullback.eigenbasis(job.result, 'server', server);
check(isequal(size(basis.eigenvectors), [8 8]) && numel(basis.eigenvalues) == 8, 'all eigenvectors, one a column');
check(norm(basis.eigenvectors' * basis.eigenvectors - eye(8)) < 1e-10, 'which are orthonormal');
leading = pullback.eigenbasis(job.result, 'k', 3, 'server', server);
check(isequal(leading.eigenvectors, basis.eigenvectors(:, 1:3)), 'the leading ones alone');

% What cannot be meant.
failure = refused(@() pullback.evolve('nobody', 'server', server, 'optimizer', 'cma'));
check(strcmp(failure.identifier, 'pullback:not_found'), 'an unknown generator');
check(~isempty(strfind(failure.message, 'tiny')), 'the known ones are named');
failure = refused(@() pullback.evolve('tiny', 'server', server, 'optimizer', 'cma', 'sigma', -1));
check(~isempty(strfind(failure.message, 'spec.threads[0].optimizer.sigma')), 'the field is named');
failure = refused(@() pullback.evolve('tiny', 'populaton', 3));
check(~isempty(strfind(failure.message, 'no option ''populaton''; there are server')), 'the options are named');
failure = refused(@() pullback.tell(both, {'a'}, Inf));
check(~isempty(strfind(failure.message, 'not finite')), 'an infinite score');
failure = refused(@() pullback.tell(both, {'a', 'b'}, [1 2 3]));
check(~isempty(strfind(failure.message, 'expected 2 scores')), 'too many scores');
failure = refused(@() pullback.tell(both, {'a', 'b', 'c', 'd'}, [1 2; 3 4]));
check(~isempty(strfind(failure.message, 'expected 4 scores')), 'a matrix of as many numbers as trials');
failure = refused(@() pullback.sessions('server', 'http://127.0.0.1:1'));
check(strcmp(failure.identifier, 'pullback:unreachable'), 'nobody there');

printf('%s\n', session.name, both.name);
