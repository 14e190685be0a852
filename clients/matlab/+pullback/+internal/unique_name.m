function name = unique_name()
%UNIQUE_NAME  A name that no other request has. Draws nothing from the caller's random numbers.

  [folder, stem] = fileparts(tempname());
  name = sprintf('matlab-%.0f-%s', now() * 86400e3, regexprep(stem, '[^A-Za-z0-9]', ''));
  name = name(1:min(end, 64));
end
