-- Up Migration
-- Runs are removed by the hundred: whether another tells of an approval of theirs is asked of each, by us and by the foreign key.

create index runs_approving on sync.runs (approves) where approves is not null;

-- Down Migration
drop index sync.runs_approving;
