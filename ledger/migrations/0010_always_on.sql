-- Up Migration
-- What keeps organisations in step by itself: schedules, how a source fares and whether it is paused, and what operators are to be told.

-- A schedule fires at fires_at, which is due_at and some jitter. `turn` guards it: whoever fires, skips or changes it raises the turn that
-- he has seen, in the transaction that inserts the run, so of two who believe to lead one does (the times are PostgreSQL's).
create table sync.schedules (
  org_id text not null,
  name text not null check (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  source text not null,
  strategy text not null check (strategy in ('full', 'delta', 'reconcile')),
  -- null: all that the manifest has when it fires
  selection text[],
  cron text,
  every_seconds int check (every_seconds > 0),
  -- of the cron expression and the blackouts
  time_zone text not null,
  jitter_seconds int not null check (jitter_seconds >= 0),
  -- of a due time at which it could not run: leave it out, or run once as soon as it can
  missed text not null check (missed in ('skip', 'once')),
  -- [{"days": [0, 6], "from": "08:00", "to": "12:00"}], 0 is Sunday; to before from: over midnight
  blackouts jsonb not null,
  created_at timestamptz not null default now(),
  paused_at timestamptz,
  due_at timestamptz not null,
  fires_at timestamptz not null,
  turn int not null default 0,
  -- why what is due has not run yet
  waiting_for text,
  last_fired_at timestamptz,
  last_run_id uuid,
  last_skipped_at timestamptz,
  last_skip_reason text,
  primary key (org_id, name),
  foreign key (org_id, source) references sync.connections on delete cascade,
  check ((cron is null) <> (every_seconds is null))
);
create index schedules_due on sync.schedules (fires_at) where paused_at is null;
create index schedules_by_source on sync.schedules (org_id, source);

-- No row: no run of the source has failed lately, and it is not paused.
create table sync.source_health (
  org_id text not null,
  source text not null,
  -- runs in a row that failed, up to now or to the last resume
  failures int not null default 0,
  last_failed_run uuid,
  paused_at timestamptz,
  pause_reason text,
  -- since operators were told of its failures: its next complete run is told too
  told_at timestamptz,
  primary key (org_id, source),
  foreign key (org_id, source) references sync.connections on delete cascade
);

alter table sync.runs
  -- name of the schedule that asked for it
  add column schedule text,
  add column retry_of uuid;
create index runs_by_source on sync.runs (org_id, source, strategy) where state in ('planned', 'running', 'paused');

-- The outbox: worked off by the leader, at least once each. The rows outlive their organisation.
create table sync.notifications (
  notification_id uuid primary key default gen_random_uuid(),
  org_id text not null,
  source text not null,
  kind text not null check (kind in ('source-paused', 'source-recovered', 'reauthorisation-needed')),
  -- never a secret, never a payload (invariant 9)
  facts jsonb not null default '{}',
  created_at timestamptz not null default now(),
  attempts int not null default 0,
  next_at timestamptz not null default now(),
  -- sent, or given up
  ended_at timestamptz,
  last_error text
);
create index notifications_due on sync.notifications (next_at) where ended_at is null;

-- Login roles that read the rows of one organisation. No foreign key: a role must stay bound when its organisation is removed.
create table sync.readers (
  role_name name primary key,
  org_id text not null,
  created_at timestamptz not null default now()
);

-- The audit trail, as in 0003: by triggers, when the transaction commits. What went with its connection is not written down one by one.
create function sync.audit_schedule() returns trigger language plpgsql as $$
declare
  entry sync.schedules := case when tg_op = 'DELETE' then old else new end;
  done text := case
    when tg_op = 'INSERT' then 'added'
    when tg_op = 'DELETE' then 'removed'
    when old.paused_at is null and new.paused_at is not null then 'paused'
    when old.paused_at is not null and new.paused_at is null then 'resumed'
    else 'changed' end;
begin
  insert into sync.audit_log (org_id, action, subject, facts)
  select c.org_id, 'schedule.' || done, entry.name, jsonb_strip_nulls(jsonb_build_object(
    'source', entry.source, 'strategy', entry.strategy, 'selection', entry.selection, 'cron', entry.cron,
    'everySeconds', entry.every_seconds, 'timeZone', entry.time_zone, 'jitterSeconds', entry.jitter_seconds,
    'missed', entry.missed, 'blackouts', entry.blackouts))
  from sync.connections c where c.org_id = entry.org_id and c.source = entry.source;
  return null;
end $$;

create constraint trigger audit_added after insert on sync.schedules deferrable initially deferred
  for each row execute function sync.audit_schedule();
-- That it fired is written down by who fires it, with the run.
create constraint trigger audit_changed after update on sync.schedules deferrable initially deferred for each row when (
  (old.source, old.strategy, old.selection, old.cron, old.every_seconds, old.time_zone, old.jitter_seconds, old.missed, old.blackouts)
    is distinct from
  (new.source, new.strategy, new.selection, new.cron, new.every_seconds, new.time_zone, new.jitter_seconds, new.missed, new.blackouts)
  or (old.paused_at is null) <> (new.paused_at is null)
) execute function sync.audit_schedule();
create constraint trigger audit_removed after delete on sync.schedules deferrable initially deferred
  for each row execute function sync.audit_schedule();

create function sync.audit_source() returns trigger language plpgsql as $$
begin
  insert into sync.audit_log (org_id, action, subject, facts) values (new.org_id,
    case when new.paused_at is null then 'source.resumed' else 'source.paused' end, new.source,
    jsonb_strip_nulls(jsonb_build_object('reason', new.pause_reason)));
  return null;
end $$;

create constraint trigger audit_added after insert on sync.source_health deferrable initially deferred
  for each row when (new.paused_at is not null) execute function sync.audit_source();
create constraint trigger audit_changed after update on sync.source_health deferrable initially deferred
  for each row when ((old.paused_at is null) <> (new.paused_at is null)) execute function sync.audit_source();

create function sync.audit_reader() returns trigger language plpgsql as $$
declare
  entry sync.readers := case when tg_op = 'DELETE' then old else new end;
begin
  insert into sync.audit_log (org_id, action, subject)
  values (entry.org_id, 'reader.' || case when tg_op = 'DELETE' then 'removed' else 'added' end, entry.role_name);
  return null;
end $$;

create constraint trigger audit_changed after insert or delete on sync.readers deferrable initially deferred
  for each row execute function sync.audit_reader();

create trigger audit_no_truncate before truncate on sync.schedules
  for each statement execute function sync.audit_refuse('delete rows instead, which the audit trail sees');
create trigger audit_no_truncate before truncate on sync.source_health
  for each statement execute function sync.audit_refuse('delete rows instead, which the audit trail sees');
create trigger audit_no_truncate before truncate on sync.readers
  for each statement execute function sync.audit_refuse('delete rows instead, which the audit trail sees');

-- Down Migration
drop table sync.readers, sync.notifications, sync.source_health, sync.schedules;
drop function sync.audit_schedule, sync.audit_source, sync.audit_reader;
alter table sync.runs drop column schedule, drop column retry_of;
