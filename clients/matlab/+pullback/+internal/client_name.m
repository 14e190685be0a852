function name = client_name(options)
%CLIENT_NAME  Who asks for trials: what the options say, or user@host/matlab.

  if isfield(options, 'client_name')
    name = char(options.client_name);
    return
  end
  user = getenv('USER');
  if isempty(user)
    user = getenv('USERNAME');
  end
  [~, host] = system('hostname');
  name = sprintf('%s@%s/matlab', user, strtrim(host));
end
