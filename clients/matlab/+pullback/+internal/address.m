function url = address(server)
%ADDRESS  The address of a server without a slash at its end; an error where it is none.

  url = regexprep(char(server), '/$', '');
  if isempty(regexp(url, '^https?://[A-Za-z0-9.:_\[\]-]+$', 'once'))
    error('pullback:invalid_argument', 'expected an address such as ''http://127.0.0.1:50052'', but %s came', ...
      pullback.internal.shown(server));
  end
end
