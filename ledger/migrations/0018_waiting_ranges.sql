-- Up Migration
-- Ranges that nobody holds and that wait for nothing but a fetcher: those with slots to spare look for them twice a second.
create index ranges_waiting on sync.ranges (wake_at) where state = 'open' and holder is null and waiting_for is null;

-- Down Migration
drop index sync.ranges_waiting;
