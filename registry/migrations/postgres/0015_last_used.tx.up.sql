SET LOCAL lock_timeout = '3s';

--bun:split

ALTER TABLE grants ADD COLUMN last_used_on date; -- null: not since this is noted
