function [bytes, suffix, id] = fetch(session, trial)
%FETCH  The file of a trial's image, the suffix of its format, and its id.

  if isstruct(trial)
    id = trial.image_id;
  else
    id = char(trial);
  end
  answer = pullback.call(session.server, 'Search/GetSessionImage', ...
    struct('session', session.name, 'image_id', id));
  bytes = uint8(matlab.net.base64decode(answer.data));
  suffix = '.png';
  if strcmp(answer.format, 'IMAGE_FORMAT_JPEG')
    suffix = '.jpg';
  end
end
