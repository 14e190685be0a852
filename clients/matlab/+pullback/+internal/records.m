function found = records(list)
%RECORDS  A list as jsondecode gives it, as a struct array, 1 x n; fields that an entry lacks are [].

  if isempty(list)
    found = struct([]);
    return
  end
  if isstruct(list)
    found = reshape(list, 1, []);
    return
  end
  % Entries with different fields come as a cell array.
  names = {};
  for i = 1:numel(list)
    names = union(names, fieldnames(list{i}));
  end
  for i = 1:numel(list)
    for j = 1:numel(names)
      if isfield(list{i}, names{j})
        found(i).(names{j}) = list{i}.(names{j});
      else
        found(i).(names{j}) = [];
      end
    end
  end
end
