-- In: one operation on the window of one credential. Out: what the operation says.
-- Must hold: requests that may still count at the vendor never exceed its limit, whatever dies meanwhile (invariant 7).
-- All times are milliseconds of this Redis; no process's clock decides when a slot frees.
--
-- KEYS  1 birth   hash: since when the data is whole, and its clock; never expires
--       2 window  hash: limit and period in force, and what closes the window for a time
--       3 slots   sorted set: permit id -> when its slot frees. Freed slots stay for `use_ms`, see `phantoms`.
-- ARGV  1 operation
--       2 use_ms: how long after its grant a permit can still be in use (permit life + request time-out)
--       3 permit id, 4.. the operation's own

local birth_key, window_key, slots_key = KEYS[1], KEYS[2], KEYS[3]
local use_ms, permit = tonumber(ARGV[2]), ARGV[3]
local PROBE_POLL_MS, UNKNOWN_POLL_MS = 100, 2000

-- Classes of work in the order in which they go first, and how they share a window that is too small for all: by weight. What a class
-- does not use, the others do.
local CLASSES = { 'live', 'delta', 'backfill' }
local WEIGHTS = { live = 6, delta = 3, backfill = 1 }
-- Of the limit, the part that only live work gets, so that a burst of the others does not leave it waiting for a whole period: little as
-- long as there is none, more for an hour after there was some.
local RESERVE, RESERVE_IN_USE, IN_USE_MS = 0.01, 0.05, 3600 * 1000
-- One at least, of a limit that can spare it.
local RESERVED_FROM = 50
-- A waiter is expected until so long after its time; and after one that was served, others of its class for a moment.
local TURN_POLL_MS, WAITER_SLACK_MS, WAITER_LINGER_MS = 50, 1000, 30

-- The id of this server process. A restart from an old snapshot or a fail-over brings back a birth marker, too, but without
-- the latest slots: the id tells. Where INFO is forbidden, the marker's absence alone does.
local function server_run()
  local info = redis.pcall('INFO', 'server')
  return type(info) == 'string' and info:match('run_id:(%w+)') or 'unknown'
end

-- A life of the data begins when the birth marker is absent or of another server; windows of another life are not believed.
-- `now` never runs backwards in a life: when the host's clock is set back, time stands still for one call and goes on.
local function read_life()
  local time = redis.call('TIME')
  local wall, run = time[1] * 1000 + math.floor(time[2] / 1000), server_run()
  local birth = redis.call('HMGET', birth_key, 'run', 'at', 'last', 'ahead')
  local born_at, now = wall, wall
  if birth[1] == run then
    born_at, now = tonumber(birth[2]), math.max(wall + birth[4], tonumber(birth[3]))
  end
  redis.call('HSET', birth_key, 'run', run, 'at', born_at, 'last', now, 'ahead', now - wall)
  return { id = run .. '@' .. born_at, born_at = born_at, now = now }
end

local WINDOW_FIELDS = {
  'limit', 'period', -- in force
  'observed', -- 1: limit or period were told by the vendor, the caller's default does not count any more
  'changed_at', -- when the vendor last changed them
  'complete', -- 1: opened as never used in this life, so every slot is here
  'probed', -- 1: the vendor has answered in this life of the window
  'probe', 'probe_until', -- the permit whose answer is awaited
  'blocked_until', -- the vendor said: later
  'turn', -- up to where all that waited have had their turns, in turns by weight; see `turn_of`
  'turn_live', 'turn_delta', 'turn_backfill', -- when the next turn of each class begins
  'wait_live', 'wait_delta', 'wait_backfill', -- until when one of the class is expected to come back
  'reserved_until', -- until when there may be more live work
}

local function read_window(life)
  if redis.call('HGET', window_key, 'life') ~= life.id then
    redis.call('DEL', window_key, slots_key) -- of an earlier life: nobody knows what is missing
    return nil
  end
  local values, window = redis.call('HMGET', window_key, unpack(WINDOW_FIELDS)), {}
  for i, field in ipairs(WINDOW_FIELDS) do
    window[field] = field == 'probe' and values[i] or tonumber(values[i]) or 0
  end
  return window
end

local function new_window()
  local window = {}
  for _, field in ipairs(WINDOW_FIELDS) do
    window[field] = field == 'probe' and '' or 0
  end
  return window
end

-- The keys outlive everything they hold and the time in which a missing window counts as full; idle credentials leave no trace.
local function save_window(life, window)
  local values = { 'life', life.id }
  for _, field in ipairs(WINDOW_FIELDS) do
    values[#values + 1] = field
    values[#values + 1] = window[field] or ''
  end
  redis.call('HSET', window_key, unpack(values))
  local last_slot = redis.call('ZRANGE', slots_key, -1, -1, 'WITHSCORES')
  local until_ms = math.max(life.now + window.period + use_ms, window.blocked_until, tonumber(last_slot[2]) or 0)
  local ttl = until_ms - life.now + window.period + use_ms
  redis.call('PEXPIRE', window_key, ttl)
  redis.call('PEXPIRE', slots_key, ttl)
end

-- The slot that must free before there is room. A slot in use may be settled right now, so it can be free a period from now.
local function full_until(now, window, limit)
  local over = redis.call('ZCOUNT', slots_key, '(' .. now, '+inf') - limit
  if over < 0 then return 0 end
  local slot = redis.call('ZRANGEBYSCORE', slots_key, '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', over, 1)
  return math.min(tonumber(slot[2]), now + window.period + 1)
end

-- Requests of an earlier life are not in the slots: until the last of them has left the vendor's window, ours is full. Waiters
-- come back earlier, because the one caller that knows the connection to be unused may be on its way.
local function unknown_until(life, window)
  local known_at = window.complete == 1 and 0 or life.born_at + window.period + use_ms + 1
  return math.min(known_at, life.now + UNKNOWN_POLL_MS)
end

-- Until the vendor has answered once, its limit may be another than we believe: one request at a time. The longer its answer
-- takes, the less often waiters come back.
local function probing_until(now, window)
  if window.probed == 1 or window.probe_until <= now then return 0 end
  local asked_at = window.probe_until - use_ms
  return math.min(window.probe_until, now + math.max(PROBE_POLL_MS, math.floor((now - asked_at) / 2)))
end

-- Fair queueing: a class's turns begin 1/weight apart, and one that was away begins with the others.
local function turn_of(window, class) return math.max(window.turn, window['turn_' .. class]) end

local function reserve_of(now, window)
  local part = math.floor(window.limit * (window.reserved_until > now and RESERVE_IN_USE or RESERVE))
  return math.max(part, window.limit >= RESERVED_FROM and 1 or 0)
end

local function limit_of(now, window, class)
  return class == 'live' and window.limit or window.limit - reserve_of(now, window)
end

-- Live work may be ahead of its turn by what is kept for it: so it has it at once, and the others are not kept out for good.
local function lead_of(now, window, class)
  return class == 'live' and reserve_of(now, window) / WEIGHTS.live or 0
end

local function is_waiting(now, window, class) return window['wait_' .. class] > now end

-- How many of the free slots are another's: of each class that waits, as many turns as it has before this one's. A waiter that does not
-- come back costs them until it is expected no more.
local function owed_to_others(now, window, class)
  local owed, mine, is_behind = 0, turn_of(window, class) - lead_of(now, window, class), true
  for _, each in ipairs(CLASSES) do
    local turn = turn_of(window, each)
    if each == class then is_behind = false
    elseif is_waiting(now, window, each) and (turn < mine or (turn == mine and is_behind)) then
      owed = owed + math.max(1, math.floor((mine - turn) * WEIGHTS[each]))
    end
  end
  return owed
end

-- When it may be this class's turn, with room for it.
local function turn_at(now, window, class)
  local open_at = full_until(now, window, limit_of(now, window, class))
  if open_at > now then return open_at end
  local owed = owed_to_others(now, window, class)
  if owed == 0 then return 0 end
  local free = limit_of(now, window, 'backfill') - redis.call('ZCOUNT', slots_key, '(' .. now, '+inf')
  return free > owed and 0 or now + TURN_POLL_MS
end

-- The turns go on with the class that is furthest behind: what is owed to one that waits is not forgotten when another is served.
local function take_turn(now, window, class)
  local turn = turn_of(window, class)
  local first = turn
  for _, each in ipairs(CLASSES) do
    if each ~= class and is_waiting(now, window, each) then first = math.min(first, turn_of(window, each)) end
  end
  window.turn, window['turn_' .. class] = first, turn + 1 / WEIGHTS[class]
  window['wait_' .. class] = math.min(window['wait_' .. class], now + WAITER_LINGER_MS)
end

-- acquire: 4 limit, 5 period (the caller's default), 6 never used (0, 1), 7 and 8 life and time from which on the permit would
-- be dead ('' if the caller cannot tell), 9 class of the work -> {granted (0, 1; -1: dead), ms to wait, life, now}
local function acquire(life)
  if ARGV[7] == life.id and life.now > tonumber(ARGV[8]) then return { -1, 0, life.id, life.now } end
  local now, class, window = life.now, ARGV[9], read_window(life)
  window = window or new_window()
  if window.observed ~= 1 then window.limit, window.period = tonumber(ARGV[4]), tonumber(ARGV[5]) end
  if ARGV[6] == '1' then window.complete = 1 end
  if class == 'live' then window.reserved_until = now + IN_USE_MS end

  redis.call('ZREMRANGEBYSCORE', slots_key, '-inf', '(' .. (now - use_ms))
  local open_at =
    math.max(window.blocked_until, unknown_until(life, window), probing_until(now, window), turn_at(now, window, class))
  local granted = open_at <= now
  if granted then
    redis.call('ZADD', slots_key, now + use_ms + window.period + 1, permit)
    if window.probed ~= 1 then window.probe, window.probe_until = permit, now + use_ms end
    take_turn(now, window, class)
  else
    window['wait_' .. class] = open_at + WAITER_SLACK_MS
  end
  save_window(life, window)
  return { granted and 1 or 0, math.max(open_at - now, 0), life.id, now }
end

-- What is stricter counts at once; what is laxer only from a request younger than the last change, as answers overtake each other.
local function learn(now, window, granted_at, limit, period)
  local newer = granted_at >= window.changed_at
  local new_limit = limit and (newer or limit < window.limit) and limit or window.limit
  local new_period = period and (newer or period > window.period) and period or window.period
  if new_limit ~= window.limit or new_period ~= window.period then window.changed_at = now end
  if limit or period then window.observed = 1 end
  local longer = new_period - window.period
  window.limit, window.period = new_limit, new_period
  if longer == 0 then return end
  -- The vendor looks back that much further now: so do all slots, the freed ones too.
  for _, member in ipairs(redis.call('ZRANGE', slots_key, 0, -1)) do redis.call('ZINCRBY', slots_key, longer, member) end
end

-- The vendor counted more than we can have sent: somebody else uses the credential. At the time of its count it saw at most our
-- slots that were not free when this request was granted, those freed since included.
local function phantoms(now, window, granted_at, count)
  local ours = redis.call('ZCOUNT', slots_key, '(' .. granted_at, '+inf')
  for i = 1, math.min(count, window.limit) - ours do
    redis.call('ZADD', slots_key, now + window.period + 1, permit .. '#' .. i)
  end
end

-- settle: 4 answered (0, 1), then from the vendor's headers, each '' if not told: 5 limit, 6 period, 7 count, 8 retry after -> {}
local function settle(life)
  local now, window = life.now, read_window(life)
  if not window then return {} end -- a permit of an earlier life: the window is unknown, hence full, for longer than its slot
  local slot = tonumber(redis.call('ZSCORE', slots_key, permit) or '')
  local granted_at = slot and slot - window.period - use_ms - 1 or now
  local answered, limit, period = ARGV[4] == '1', tonumber(ARGV[5]), tonumber(ARGV[6])
  local count, retry_after = tonumber(ARGV[7]) or 0, tonumber(ARGV[8]) or 0

  learn(now, window, granted_at, limit, period)
  redis.call('ZADD', slots_key, now + window.period + 1, permit)
  phantoms(now, window, granted_at, count)
  if retry_after > 0 then window.blocked_until = math.max(window.blocked_until, now + retry_after + 1) end
  if window.probe == permit then window.probe, window.probe_until = '', 0 end
  if answered then window.probed = 1 end
  save_window(life, window)
  return {}
end

-- release: a permit that was not used -> {}
local function release(life)
  local window = read_window(life)
  if not window then return {} end
  redis.call('ZREM', slots_key, permit)
  if window.probe == permit then window.probe, window.probe_until = '', 0 end
  save_window(life, window)
  return {}
end

-- announce: sets the birth marker if it is absent -> {what this Redis evicts when it is full}
local function announce()
  local info = redis.pcall('INFO', 'memory')
  if type(info) ~= 'string' or info:match('maxmemory:(%d+)') == '0' then return { 'noeviction' } end
  return { info:match('maxmemory_policy:([%w-]+)') or 'noeviction' }
end

-- distrust: 4 life. The clock leapt, so slots of that life free too early: another life begins, with every window full -> {}
local function distrust(life)
  if ARGV[4] == life.id then
    redis.call('DEL', birth_key)
    read_life()
  end
  return {}
end

local operations = { acquire = acquire, settle = settle, release = release, announce = announce, distrust = distrust }
return operations[ARGV[1]](read_life())
