function reply = post(url, text)
%POST  Post JSON; returns the answer's body, of an error too, or raises where none came.
%
%   MATLAB's webwrite keeps the body of an error answer to itself, so the server is asked to send errors with
%   status 200. Octave's webwrite posts forms only, so curl does it there: Windows, macOS and Linux have it.

  if exist('OCTAVE_VERSION', 'builtin') == 0
    options = weboptions('MediaType', 'application/json', 'ContentType', 'text', 'CharacterEncoding', 'UTF-8', ...
      'Timeout', 10, 'HeaderFields', {'Pullback-Errors', 'body'});
    reply = webwrite(url, text, options);
    return
  end
  file = [tempname() '.json'];
  cleaning = onCleanup(@() delete(file));
  pullback.internal.write(file, uint8(text));
  command = sprintf(['curl --silent --show-error --stderr - --noproxy "*" --max-time 10 ' ...
    '--header "Content-Type: application/json" --header "Pullback-Errors: body" --header "Expect:" ' ...
    '--data-binary "@%s" "%s"'], file, url);
  [status, reply] = system(command);
  if status ~= 0
    error('pullback:unreachable', '%s', strtrim(reply));
  end
end
