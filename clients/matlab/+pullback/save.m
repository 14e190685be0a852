function files = save(session, trials, folder)
%PULLBACK.SAVE  Save the images of trials as files in a folder.
%
%   FILES = PULLBACK.SAVE(SESSION, TRIALS, FOLDER) writes the image of every trial
%   that PULLBACK.ASK gave, or of every image id of a cell array, under the name
%   of its id, and returns the files' names, in the order of TRIALS. FOLDER is
%   made where it is missing. Each file appears when it is whole.
%
%   See also pullback.image.

  if exist(folder, 'dir') == 0
    mkdir(folder);
  end
  if ~isstruct(trials)
    trials = struct('image_id', cellstr(trials));
  end
  files = cell(1, numel(trials));
  for i = 1:numel(trials)
    [bytes, suffix, id] = pullback.internal.fetch(session, trials(i));
    files{i} = fullfile(folder, [id suffix]);
    pullback.internal.write([files{i} '.part'], bytes);
    movefile([files{i} '.part'], files{i});
  end
end
