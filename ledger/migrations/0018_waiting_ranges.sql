-- Up Migration
-- When the last command of a range was emitted that no fetcher has taken: those with slots to spare look for such ranges.
alter table sync.ranges add column emitted_at timestamptz;
create index ranges_waiting on sync.ranges (emitted_at) where state = 'open' and holder is null;

-- Down Migration
drop index sync.ranges_waiting;
alter table sync.ranges drop column emitted_at;
