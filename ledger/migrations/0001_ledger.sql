-- Up Migration
-- The ledger: what was asked for, what was received, what landed. The range row is the truth about a walk;
-- a page row is a receipt; a landing row says record by record what became of a page attempt's records of one entity.

create schema if not exists sync;

create table sync.organisations (
  org_id text primary key check (org_id ~ '^[a-z0-9-]{1,63}$'),
  active boolean not null default true,
  created_at timestamptz not null default now()
);

create table sync.connections (
  org_id text not null references sync.organisations on delete cascade,
  source text not null,
  adapter text not null,
  base_url text,
  settings jsonb not null default '{}',
  -- a limit other than the vendor's usual one, as requests/seconds or 'none'; the vendor's headers override it
  rate_limit text,
  -- AES-256-GCM: version byte, 12 bytes iv, 16 bytes tag, ciphertext; authenticated data name organisation, source and field
  credential bytea not null,
  created_at timestamptz not null default now(),
  primary key (org_id, source)
);

-- Credentials (as keyed hashes) that permits were asked for: one that was never used starts with an empty window (invariant 7). The row is
-- written before the first permit and outlives the connection.
create table sync.used_credentials (
  credential text primary key,
  since timestamptz not null default now()
);

create table sync.workers (
  worker_id uuid primary key,
  roles text[] not null,
  host text not null,
  pid int not null,
  started_at timestamptz not null default now(),
  -- the lease: a worker whose row is older than 20 s holds nothing any more
  renewed_at timestamptz not null default now()
);

create table sync.runs (
  run_id uuid primary key,
  org_id text not null,
  source text not null,
  adapter text not null,
  strategy text not null check (strategy in ('full')),
  state text not null check (state in ('planned', 'running', 'paused', 'complete', 'complete_with_exceptions', 'failed', 'cancelled')),
  selection text[] not null,
  error_code text,
  reason text,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  ended_at timestamptz,
  foreign key (org_id, source) references sync.connections on delete cascade
);
create unique index runs_one_full_at_a_time on sync.runs (org_id, source)
  where strategy = 'full' and state in ('planned', 'running', 'paused');
create index runs_active on sync.runs (created_at) where state in ('planned', 'running', 'paused');
create index runs_by_org on sync.runs (org_id, created_at desc);

create table sync.run_entities (
  run_id uuid not null references sync.runs on delete cascade,
  entity text not null,
  ordinal int not null,
  tier int not null,
  state text not null check (state in ('waiting', 'fetching', 'landing', 'closed', 'unproven', 'failed', 'skipped', 'cancelled')),
  hard text[] not null,
  soft text[] not null,
  carrier text,
  carries text[] not null,
  paging jsonb not null,
  error_code text,
  reason text,
  started_at timestamptz,
  ended_at timestamptz,
  -- the sink answers a requested sweep of the parked rows by setting swept_at in the transaction of the sweep
  sweep_requested_at timestamptz,
  swept_at timestamptz,
  primary key (run_id, entity)
);

create table sync.ranges (
  run_id uuid not null references sync.runs on delete cascade,
  range_id int not null,
  entity text not null,
  spec jsonb not null,
  -- the ids of a counted range are recorded by the sink in the merge, because its walk must be proven
  counted boolean not null,
  state text not null default 'open' check (state in ('open', 'ended', 'failed')),
  -- raised at every taking: receipts and landings of an older epoch are refused or not counted
  epoch int not null default 0,
  holder uuid,
  cursor jsonb,
  next_page int not null default 0,
  calls int not null default 0,
  failures int not null default 0,
  wake_at timestamptz default now(),
  wake_delay_ms int not null default 10000,
  waiting_for text,
  waiting_since timestamptz,
  error_code text,
  reason text,
  primary key (run_id, range_id)
);
create index ranges_due on sync.ranges (wake_at) where state = 'open';
create index ranges_held on sync.ranges (holder) where holder is not null;

-- Pages and landings are partitioned by the day in the run id (UUIDv7 sorts by time), so both share a partition.
create table sync.pages (
  run_id uuid not null,
  range_id int not null,
  page int not null,
  attempt int not null,
  entity text not null,
  accepted boolean not null default true,
  raw_partition int not null,
  raw_offset bigint not null,
  bytes int not null,
  fresh int not null,
  total bigint,
  -- rows moved under the walk: what it counted is no proof
  drifted boolean not null default false,
  request text not null,
  observed_at timestamptz not null,
  received_at timestamptz not null default now(),
  primary key (run_id, range_id, page, attempt)
) partition by range (run_id);

create table sync.landings (
  run_id uuid not null,
  range_id int not null,
  page int not null,
  attempt int not null,
  entity text not null,
  expected int not null,
  -- one bit per record, set once, in exactly one of the five
  merged bit varying not null,
  unchanged bit varying not null,
  stale bit varying not null,
  parked bit varying not null,
  dead bit varying not null,
  complete boolean not null generated always as (bit_count(merged | unchanged | stale | parked | dead) = expected) stored,
  primary key (run_id, range_id, page, attempt, entity)
) partition by range (run_id);
create index landings_open on sync.landings (run_id, entity, range_id) where not complete;
create index landings_parked on sync.landings (run_id, entity) where bit_count(parked) > 0;

-- Sets in `bits` those of the positions whose outcome is `wanted` and that are still parked.
create function sync.move_bits(bits bit varying, parked bit varying, indexes int[], outcomes text[], wanted text) returns bit varying
language plpgsql immutable as $$
begin
  for i in 1 .. cardinality(indexes) loop
    if outcomes[i] = wanted and get_bit(parked, indexes[i]) = 1 then
      bits := set_bit(bits, indexes[i], 1);
    end if;
  end loop;
  return bits;
end $$;

create function sync.clear_bits(bits bit varying, indexes int[]) returns bit varying
language plpgsql immutable as $$
begin
  for i in 1 .. cardinality(indexes) loop
    bits := set_bit(bits, indexes[i], 0);
  end loop;
  return bits;
end $$;

create table sync.seen (
  run_id uuid not null references sync.runs on delete cascade,
  entity text not null,
  range_id int not null,
  external_id text not null,
  primary key (run_id, entity, range_id, external_id)
);

create table sync.dead_letters (
  topic text not null,
  partition int not null,
  "offset" bigint not null,
  org_id text not null,
  source text not null,
  entity text not null,
  external_id text,
  stage text not null,
  code text not null,
  reason text not null,
  bytes int not null,
  run_id uuid,
  range_id int,
  page int,
  attempt int,
  index int,
  recorded_at timestamptz not null default now(),
  primary key (topic, partition, "offset")
);
create unique index dead_letters_by_origin on sync.dead_letters (run_id, range_id, page, attempt, entity, index);
create index dead_letters_by_org on sync.dead_letters (org_id, entity);

-- Down Migration
drop schema sync cascade;
