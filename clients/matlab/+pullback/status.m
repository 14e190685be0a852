function resource = status(session)
%PULLBACK.STATUS  A session as it stands.
%
%   STATUS = PULLBACK.STATUS(SESSION) returns a struct with state, threads (a struct
%   array: state, current generation, best_score, best_image_id), trials (how
%   many were told) and spec, with every default filled in.
%
%   See also pullback.best.

  resource = pullback.call(session.server, 'Search/GetSession', struct('name', session.name));
  resource.threads = pullback.internal.records(resource.threads);
end
