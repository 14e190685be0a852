function spec = thread(generator, varargin)
%PULLBACK.THREAD  Describe one evolution of a session that has several.
%
%   SPEC = PULLBACK.THREAD(GENERATOR, NAME, VALUE, ...) describes an evolution
%   of the generator of that name, for PULLBACK.EVOLVE. What is left out is the
%   server's default.
%
%      optimizer          'hessian_gp', 'hessian_cma', 'cma', 'cholesky_cma',
%                         'sphere_cma', 'genetic' or 'random'; the default is 'hessian_gp',
%                         whose eigenbasis is computed first where none is there
%      population         images of a generation, 2 to 1000
%      sigma              first step size, in standard deviations of the prior
%      exponent, axes, last_sigma                of hessian_gp and hessian_cma
%      adapt_covariance, negative_weights                      of hessian_cma
%      radius, first_angle, last_angle, parents                 of sphere_cma
%      decay_generations                                     of these three
%      learning_rate                             of hessian_cma and sphere_cma
%      mutation_rate, mutation_size, selectivity                   of genetic
%      space              latent space; the default is the generator's first
%      eigenbasis         'generators/{id}/eigenbases/{id}'
%      minimize           true where low scores are good ones
%      min_norm, max_norm, truncation, stay    where latents may lie
%      class_label        the class of all images
%      initial_latents    latents of the first generation, one per row
%      max_generations    the thread ends after so many
%      planned_generations  steps fall over so many, and then stay
%      channel_weights    how channel values become a score, one per channel
%
%   Example:
%      threads = {pullback.thread('faces', 'optimizer', 'hessian_gp'), ...
%                 pullback.thread('faces', 'optimizer', 'genetic')};
%      session = pullback.evolve(threads, 'seed', 3);
%
%   See also pullback.evolve.

  options = pullback.internal.options(varargin, pullback.internal.thread_options());
  spec = struct('generator', resource_name(generator));
  spec.optimizer = struct();
  constraint = struct();
  names = fieldnames(options);
  for i = 1:numel(names)
    name = names{i};
    value = options.(name);
    switch name
      case 'optimizer'
        spec.optimizer.method = ['SEARCH_METHOD_' upper(char(value))];
      case {'space', 'eigenbasis', 'minimize', 'class_label', 'max_generations', 'planned_generations', ...
            'channel_weights'}
        spec.(name) = value;
      case {'min_norm', 'max_norm', 'truncation', 'stay'}
        % The contract has a word for one distance, and carries the others as text.
        if strcmp(name, 'stay') && isnumeric(value)
          value = sprintf('%.17g', value);
        end
        constraint.(name) = value;
      case 'initial_latents'
        spec.initial_latents = pullback.internal.tensor(value);
      otherwise
        spec.optimizer.(name) = value;
    end
  end
  if ~isempty(fieldnames(constraint))
    spec.constraint = constraint;
  end
end

function name = resource_name(generator)
  name = char(generator);
  if isempty(strfind(name, '/'))
    name = ['generators/' name];
  end
end
