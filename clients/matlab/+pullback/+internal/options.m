function given = options(pairs, known)
%OPTIONS  Name-value pairs as a struct of what was given; an error for a name that is not among KNOWN.

  given = struct();
  if mod(numel(pairs), 2) ~= 0
    error('pullback:invalid_argument', 'options come in pairs, a name and its value, but %d arguments came', ...
      numel(pairs));
  end
  for i = 1:2:numel(pairs)
    name = char(pairs{i});
    if ~any(strcmp(name, known))
      error('pullback:invalid_argument', 'no option ''%s''; there are %s', name, strjoin(known, ', '));
    end
    given.(name) = pairs{i + 1};
  end
end
