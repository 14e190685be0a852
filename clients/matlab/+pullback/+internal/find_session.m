function resource = find_session(server, name)
%FIND_SESSION  The session of a name, of an id, of its only beginning, or of a title; at most two calls.

  name = char(name);
  word = regexprep(name, '^sessions/', '');
  if ~isempty(regexp(word, '^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$', 'once'))
    try
      resource = pullback.call(server, 'Search/GetSession', struct('name', ['sessions/' word]), 0);
      return
    catch failure
      if ~strcmp(failure.identifier, 'pullback:not_found')
        rethrow(failure);
      end
    end
  end
  request = struct('match', word, 'page_size', 6);
  found = pullback.internal.records(getfield(pullback.call(server, 'Search/ListSessions', request, 0), 'sessions'));
  if isempty(found)
    error('pullback:not_found', ['no session ''%s'': none has that id or title, or an id that begins so; ' ...
      'pullback.sessions lists them'], name);
  end
  if numel(found) > 1
    names = arrayfun(@(each) sprintf('%s (%s)', each.name, each.spec.title), found, 'UniformOutput', false);
    more = '';
    if numel(names) > 5
      more = '; and more';
    end
    error('pullback:invalid_argument', '''%s'' may be any of several sessions, name one by its id: %s%s', ...
      name, strjoin(names(1:min(5, end)), '; '), more);
  end
  resource = found(1);
end
