function basis = eigenbasis(name, varargin)
%PULLBACK.EIGENBASIS  Fetch an eigenbasis of a generator: the axes along which its images change most.
%
%   BASIS = PULLBACK.EIGENBASIS(NAME) fetches the eigenbasis of the resource name
%   NAME, 'generators/{generator}/eigenbases/{id}'. Names are listed by
%   pullback.call(server, 'Geometry/ListEigenbases', struct('parent', 'generators/-')).
%   BASIS is a struct with name, dim (n), eigenvalues (k x 1, descending),
%   eigenvectors (n x m, one a column), floor (the mean of the other n - k
%   eigenvalues) and spec.
%
%      k          only so many of the leading eigenvectors, from 1
%      server     address; the default is 'http://127.0.0.1:50052'
%
%   A large basis comes in several answers, one after the other.
%
%   Example:
%      basis = pullback.eigenbasis('generators/faces/eigenbases/z-...', 'k', 20);
%      shown = latents * basis.eigenvectors;      % coordinates along 20 axes
%
%   See also pullback.call, pullback.thread.

  options = pullback.internal.options(varargin, {'k', 'server'});
  server = 'http://127.0.0.1:50052';
  if isfield(options, 'server')
    server = options.server;
  end
  request = struct('name', name, 'first_row', 0);
  if isfield(options, 'k')
    request.k = options.k;
  end
  rows = {};
  while true
    answer = pullback.call(server, 'Geometry/GetEigenbasis', request);
    rows{end + 1} = pullback.internal.array(answer.eigenvectors); %#ok<AGROW>
    if answer.next_row == 0
      break
    end
    request.first_row = answer.next_row;
  end
  basis = struct('name', answer.name, 'dim', answer.dim, ...
    'eigenvalues', pullback.internal.array(answer.eigenvalues), ...
    'eigenvectors', vertcat(rows{:}), 'floor', answer.floor, 'spec', answer.spec);
end
