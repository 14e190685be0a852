function [pixels, bytes] = image(session, trial)
%PULLBACK.IMAGE  An image of a session, as it is to be shown.
%
%   PIXELS = PULLBACK.IMAGE(SESSION, TRIAL) returns the image of a trial that
%   PULLBACK.ASK gave, or of an image id, as imread returns it. An image that is
%   being rendered is waited for.
%
%   [PIXELS, BYTES] = PULLBACK.IMAGE(...) also returns the file, uint8.
%
%   The same file has a URL, for which no token is needed:
%   [session.server trial.image_path].
%
%   See also pullback.ask, pullback.save.

  [bytes, suffix] = pullback.internal.fetch(session, trial);
  file = [tempname() suffix];
  cleaning = onCleanup(@() delete(file));
  pullback.internal.write(file, bytes);
  pixels = imread(file);
end
