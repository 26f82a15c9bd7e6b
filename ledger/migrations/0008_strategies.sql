-- Up Migration
-- Strategies: what part of an organisation a run reads, from where a delta goes on, and what a reconciliation found to be gone.

-- One backfill of an entity at a time is kept by createRun (ledger/runs.ts): an index cannot say that two selections overlap.
drop index sync.runs_one_full_at_a_time;
alter table sync.runs drop constraint runs_strategy_check;
alter table sync.runs add constraint runs_strategy_check check (strategy in ('full', 'delta', 'reconcile'));
alter table sync.runs
  -- an operator's moment, in place of the watermarks
  add column changed_since timestamptz,
  -- the reconciliation whose parked deletions this run was asked to carry out: it walks nothing
  add column approves uuid references sync.runs on delete cascade;
create unique index runs_approved_once_at_a_time on sync.runs (approves) where state in ('planned', 'running', 'paused');

alter table sync.run_entities
  -- {field, since, direction}: the part that is read; null: everything
  add column changes jsonb,
  -- why everything is read where changes were asked for
  add column why text;

-- Everything that an entity's source said before `at` has been received. Only ever raised, and only in the transaction in which the
-- entity closes proven.
create table sync.watermarks (
  org_id text not null,
  source text not null,
  entity text not null,
  at timestamptz not null,
  run_id uuid not null,
  raised_at timestamptz not null default now(),
  primary key (org_id, source, entity),
  foreign key (org_id, source) references sync.connections on delete cascade
);

-- What the proven walk of an entity did not show, decided once for each entity of a reconciliation: the row is there when it was.
create table sync.reconciliations (
  run_id uuid not null references sync.runs on delete cascade,
  entity text not null,
  -- confirming: each missing row is asked after; parked: they are too many, and wait for an approval; approved: another run asks after them
  state text not null check (state in ('confirming', 'parked', 'approved')),
  live_rows bigint not null,
  missing int not null,
  -- so many may be deleted without an approval
  allowed int not null,
  decided_at timestamptz not null default now(),
  primary key (run_id, entity)
);
create index reconciliations_parked on sync.reconciliations (run_id) where state = 'parked';

create table sync.parked_deletions (
  run_id uuid not null,
  entity text not null,
  external_id text not null,
  -- external ids of the parents that it cannot be without, by their entity
  parents jsonb not null,
  primary key (run_id, entity, external_id),
  foreign key (run_id, entity) references sync.reconciliations on delete cascade
);

-- Down Migration
drop table sync.parked_deletions;
drop table sync.reconciliations;
drop table sync.watermarks;
alter table sync.run_entities drop column changes, drop column why;
delete from sync.runs where strategy <> 'full';
alter table sync.runs drop column changed_since, drop column approves, drop constraint runs_strategy_check;
alter table sync.runs add constraint runs_strategy_check check (strategy in ('full'));
create unique index runs_one_full_at_a_time on sync.runs (org_id, source)
  where strategy = 'full' and state in ('planned', 'running', 'paused');
