function session = evolve(generator, varargin)
%PULLBACK.EVOLVE  Begin a session that evolves images for your scores.
%
%   SESSION = PULLBACK.EVOLVE(GENERATOR, NAME, VALUE, ...) begins a session
%   with one evolution of the generator of that name, such as 'faces'.
%   SESSION = PULLBACK.EVOLVE(THREADS, NAME, VALUE, ...) begins one with several
%   evolutions, a cell array of what PULLBACK.THREAD returns.
%
%   The session belongs to the server, which keeps every told score on its
%   disk: clearing SESSION or quitting does not end it. PULLBACK.SESSION attaches
%   to it again by its name, SESSION.name.
%
%   Options, beside those of PULLBACK.THREAD:
%
%      server             default 'http://127.0.0.1:50052'
%      seed               seed of everything random, 0 or more
%      references         images that are shown among the others and never
%                         enter an update: a struct, label to image file
%      references_per_generation
%      repetitions        valid scores that an image needs; default 1
%      aggregation        'mean' (default) or 'median' of them
%      missing            'show_again' (default), 'carry_over' or 'drop' images
%                         without a score
%      max_shows          how often to show again at most; default 3
%      min_scored         share of a generation that must have a score
%      size               [width height] of the images in pixels
%      greyscale          true for grey images
%      luminance          mean luma of every image, 0 to 1
%      contrast           standard deviation of the luma, 0 to 0.5
%      image_format       'png' (default) or 'jpeg'
%      lease              seconds that a trial is its asker's; default 600
%      balance            'none' (default) or 'block': of several threads, every
%                         block holds as many trials of each, and generations
%                         are closed together
%      client_name        who asks; see PULLBACK.SESSION
%      dry_run            true, or a struct with noise and failing: the server
%                         makes up the scores
%      title, notes       a text; a struct of texts
%
%   Example:
%      session = pullback.evolve('faces', 'population', 24, 'seed', 1);
%      trials = pullback.ask(session);
%      for i = 1:numel(trials)
%        scores(i) = show(pullback.image(session, trials(i)));
%      end
%      pullback.tell(session, trials, scores);
%
%   See also pullback.ask, pullback.tell, pullback.image, pullback.run.

  own = {'server', 'seed', 'references', 'references_per_generation', 'repetitions', 'aggregation', 'missing', ...
    'max_shows', 'min_scored', 'size', 'greyscale', 'luminance', 'contrast', 'image_format', 'lease', 'dry_run', ...
    'title', 'notes', 'balance', 'client_name'};
  of_thread = {};
  if ~iscell(generator)
    of_thread = pullback.internal.thread_options();
  end
  options = pullback.internal.options(varargin, [own, of_thread]);
  spec = struct('scores', struct(), 'images', struct());
  spec.threads = generator;
  if ~iscell(generator)
    pairs = pairs_of(options, of_thread);
    spec.threads = {pullback.thread(generator, pairs{:})};
  end
  server = 'http://127.0.0.1:50052';
  given = intersect(fieldnames(options), own);
  for i = 1:numel(given)
    name = given{i};
    value = options.(name);
    switch name
      case 'server'
        server = value;
      case {'seed', 'references_per_generation', 'title', 'notes', 'lease'}
        spec.(name) = value;
      case {'repetitions', 'max_shows', 'min_scored'}
        spec.scores.(name) = value;
      case 'aggregation'
        spec.scores.aggregation = ['AGGREGATION_' upper(char(value))];
      case 'missing'
        spec.scores.missing = ['MISSING_POLICY_' upper(char(value))];
      case 'balance'
        spec.balance = ['BALANCE_' upper(char(value))];
      case 'size'
        spec.images.width = value(1);
        spec.images.height = value(2);
      case 'luminance'
        spec.images.mean_luminance = value;
      case 'image_format'
        spec.images.format = ['IMAGE_FORMAT_' upper(char(value))];
      case {'greyscale', 'contrast'}
        spec.images.(name) = value;
      case 'references'
        spec.references = references(value);
      case 'dry_run'
        if isstruct(value)
          spec.dry_run = value;
        elseif value
          spec.dry_run = struct('noise', 0);
        end
    end
  end
  request = struct('request_id', pullback.internal.unique_name(), 'spec', spec);
  % Nobody is there to be waited for: a server that does not answer at once is not running.
  resource = pullback.call(server, 'Search/CreateSession', request, 0);
  session = struct('server', server, 'name', resource.name, 'client', pullback.internal.client_name(options));
end

function pairs = pairs_of(options, names)
% The options of these names as name-value arguments.
  given = intersect(fieldnames(options), names);
  pairs = cell(1, 2 * numel(given));
  for i = 1:numel(given)
    pairs{2 * i - 1} = given{i};
    pairs{2 * i} = options.(given{i});
  end
end

function list = references(files)
  labels = fieldnames(files);
  list = cell(1, numel(labels));
  for i = 1:numel(labels)
    image = struct('data', matlab.net.base64encode(pullback.internal.read(files.(labels{i}))));
    list{i} = struct('label', labels{i}, 'image', image);
  end
end
