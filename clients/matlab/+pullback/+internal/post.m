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
    if ~isempty(authority())
      options.CertificateFilename = authority();
    end
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
    '--data-binary "@%s"%s "%s"'], head, body, tls(), url);
  [status, reply] = system(command);
  if status ~= 0
    error('pullback:unreachable', '%s', strtrim(reply));
  end
end

function file = authority()
% The authority that a server with TLS is to have its certificate of; '' for those that MATLAB or curl knows.
  file = getenv('PULLBACK_CA');
  if strcmp(file, 'system')
    file = '';
  end
end

function options = tls()
% What curl is told of TLS.
  options = '';
  given = {'--cacert', authority(); '--cert', getenv('PULLBACK_CERT'); '--key', getenv('PULLBACK_KEY')};
  for i = 1:size(given, 1)
    if ~isempty(given{i, 2})
      options = sprintf('%s %s "%s"', options, given{i, :});
    end
  end
end

function remove(folder)
  delete(fullfile(folder, 'body.json'));
  delete(fullfile(folder, 'head.txt'));
  rmdir(folder);
end
