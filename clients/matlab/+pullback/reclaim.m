function [trial_ids, pending] = reclaim(session, varargin)
%PULLBACK.RECLAIM  Take trials back that were asked for and not told.
%
%   TRIAL_IDS = PULLBACK.RECLAIM(SESSION) takes back what was asked for under
%   this client's name and never told, as by a MATLAB that crashed: the images
%   are shown again at once, and not only when their lease ends. A trial that is
%   told all the same counts as one told after its lease. TRIAL_IDS is a cell
%   array of the trials.
%   [TRIAL_IDS, PENDING] = PULLBACK.RECLAIM(...) also returns whose trials are
%   still out: a struct array with client, trials and lease_time.
%
%      client         those of the client of that name instead
%      all_clients    true for everybody's, also of programs that are showing
%                     them right now
%
%   The name is SESSION.client: 'user@host/matlab' unless 'client_name' said
%   otherwise in PULLBACK.EVOLVE or PULLBACK.SESSION. Where PULLBACK.SESSION is
%   given a name, it takes back by itself what was left under it.
%
%   See also pullback.session, pullback.ask.

  options = pullback.internal.options(varargin, {'client', 'all_clients'});
  request = struct('session', session.name, 'request_id', pullback.internal.unique_name());
  if isfield(options, 'all_clients') && options.all_clients
    if isfield(options, 'client')
      error('pullback:invalid_argument', 'name a client, or say all_clients, not both');
    end
    request.all_clients = true;
  elseif isfield(options, 'client')
    request.client = options.client;
  else
    request.client = session.client;
  end
  answer = pullback.call(session.server, 'Search/ReclaimTrials', request);
  trial_ids = {};
  if ~isempty(answer.trial_ids)
    trial_ids = cellstr(answer.trial_ids);
  end
  pending = pullback.internal.records(answer.pending);
end
