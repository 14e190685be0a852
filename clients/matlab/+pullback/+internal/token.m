function found = token(url)
%TOKEN  The token for the server of a URL; '' where there is none.
%
%   It is looked for, in this order: in PULLBACK_TOKEN, in the file that PULLBACK_TOKEN_FILE names and, for a server on
%   this machine, in the file that it has left for programs of its own user. pullback_api/tokens.py has the same rules.

  found = strtrim(getenv('PULLBACK_TOKEN'));
  if ~isempty(found)
    check(found, 'PULLBACK_TOKEN');
    return
  end
  file = getenv('PULLBACK_TOKEN_FILE');
  if ~isempty(file)
    found = content(file);
    check(found, 'the file of PULLBACK_TOKEN_FILE');
    return
  end
  found = '';
  near = regexp(url, '^https?://(?:localhost|127\.[0-9.]+|\[::1\]):(\d+)(?:/|$)', 'tokens', 'once');
  if isempty(near)
    return
  end
  file = fullfile(folder(), near{1});
  if exist(file, 'file') == 2
    try
      read = content(file);
    catch
      return  % a server has just removed it
    end
    if is_token(read)
      found = read;
    end
  end
end

function text = content(file)
  text = strtrim(char(pullback.internal.read(file)));
end

function check(text, name)
  if ~is_token(text)
    error('pullback:invalid_argument', ['%s must hold 43 to 512 letters, digits, - and _, as the file ''token'' of the ' ...
      'server''s data folder does'], name);
  end
end

function yes = is_token(text)
  yes = ~isempty(regexp(text, '^[A-Za-z0-9_-]{43,512}$', 'once'));
end

function path = folder()
% Where servers leave tokens for programs of their own user; on Linux and its like with a folder for each machine.
  path = getenv('PULLBACK_TOKEN_FOLDER');
  if ~isempty(path)
    return
  end
  if ispc()
    state = getenv('LOCALAPPDATA');
    if isempty(state)
      state = fullfile(getenv('USERPROFILE'), 'AppData', 'Local');
    end
    path = fullfile(state, 'pullback', 'tokens');
  elseif ismac()
    path = fullfile(getenv('HOME'), 'Library', 'Application Support', 'pullback', 'tokens');
  else
    state = getenv('XDG_STATE_HOME');
    if isempty(state)
      state = fullfile(getenv('HOME'), '.local', 'state');
    end
    path = fullfile(state, 'pullback', 'tokens', machine());
  end
end

function name = machine()
  persistent known
  if isempty(known)
    [~, host] = system('hostname');
    known = regexprep(strtrim(host), '[^A-Za-z0-9.-]', '_');
  end
  name = known;
end
