function reply = post(url, text, token)
%POST  Post JSON; returns the answer's body, of an error too, or raises where none came. TOKEN may be ''.
%
%   MATLAB's webwrite keeps the body of an error answer to itself, so the server is asked to send errors with
%   status 200. Octave's webwrite posts forms only, so curl does it there: Windows, macOS and Linux have it.

  headers = {'Pullback-Errors', 'body'};
  if ~isempty(token)
    headers(end + 1, :) = {'Authorization', ['Bearer ' token]};
  end
  if exist('OCTAVE_VERSION', 'builtin') == 0
    options = weboptions('MediaType', 'application/json', 'ContentType', 'text', 'CharacterEncoding', 'UTF-8', ...
      'Timeout', 10, 'HeaderFields', headers);
    reply = webwrite(url, text, options);
    return
  end
  % In files that others cannot read: what stands on a command line, every user of a machine may see.
  folder = tempname();
  mask = umask(77);
  restoring = onCleanup(@() umask(mask));
  [made, reason] = mkdir(folder);
  if ~made || ~isempty(reason)
    error('pullback:file', 'cannot make %s: %s', folder, reason);
  end
  removing = onCleanup(@() remove(folder));
  body = fullfile(folder, 'body.json');
  head = fullfile(folder, 'head.txt');
  pullback.internal.write(body, uint8(text));
  fields = [{'Content-Type', 'application/json'; 'Expect', ''}; headers]';
  pullback.internal.write(head, uint8(sprintf('%s: %s\n', fields{:})));
  command = sprintf(['curl --silent --show-error --stderr - --noproxy "*" --max-time 10 --header "@%s" ' ...
    '--data-binary "@%s" "%s"'], head, body, url);
  [status, reply] = system(command);
  if status ~= 0
    error('pullback:unreachable', '%s', strtrim(reply));
  end
end

function remove(folder)
  delete(fullfile(folder, 'body.json'));
  delete(fullfile(folder, 'head.txt'));
  rmdir(folder);
end
