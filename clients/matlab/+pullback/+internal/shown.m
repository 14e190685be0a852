function text = shown(value)
%SHOWN  A value as an error message shows it.

  if ischar(value)
    text = ['''' value ''''];
  elseif isnumeric(value) || islogical(value)
    text = mat2str(value);
  else
    text = sprintf('a %s', class(value));
  end
end
