-- Buckets of points in Redis: take, settle, levels and give, all or nothing over the buckets of KEYS.
--
-- KEYS      one hash per bucket, all of one hash tag
-- ARGV[1]   what to do
-- ARGV[2]   milliseconds of the clock, or '' for Redis' own
-- ARGV[3..6] of take: hold, client, requested, milliseconds until the hold ends
--            of settle: hold, actual          of give: how much, which may be less than nothing
-- ARGV[7..11] budgets.py's GRACE, PATIENCE, LATE and LONGEST_WAIT in milliseconds, and PLACES
-- ARGV[12..] for each bucket: capacity, restored per second, and the level where there is no bucket
--            ('' full; '?' do nothing and answer {-1}: the caller remembers one that was not full)
--
-- Amounts come and go in thousandths of a point. Inside they are millionths: at a rate of so many thousandths a second,
-- so many millionths come back in a millisecond, and nothing is ever rounded.
--
-- The answer is {0, 0, level, ...}; {1, 0, level, ...} if the settled hold was known; and of a refused take
-- {n, milliseconds to wait, what this client could have had, ..., level, ...}: the n-th bucket is waited for.
--
-- Of a bucket's hash: level, at (its time), line ('client:requested:until,...'), due (when a hold ends, at the earliest),
-- last (when no hold is remembered, at the latest), open (how many are), h<id> ('until:requested' of a hold),
-- x<id> (until when a hold that has ended may still be settled).

local FINE, HEAD, EACH = 1000, 11, 3
local call = redis.call
local verb = ARGV[1]
local grace, patience, late = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local longest, places = tonumber(ARGV[10]), tonumber(ARGV[11])

local now
if ARGV[2] == '' then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
else
  now = tonumber(ARGV[2])
end

-- tostring would write 1e+14.
local function whole(number) return string.format('%.0f', number) end

-- What holds that have ended give back.
local function ended(bucket)
  local back, due = 0, nil
  local fields = call('HGETALL', bucket.key)
  for i = 1, #fields, 2 do
    local kind, id = string.sub(fields[i], 1, 1), string.sub(fields[i], 2)
    local ends
    if kind == 'h' then
      local hold_ends, requested = string.match(fields[i + 1], '^(%d+):(%d+)$')
      ends = tonumber(hold_ends)
      if ends <= now then
        back = back + requested * FINE
        bucket.removed[#bucket.removed + 1] = fields[i]
        ends = ends + late
        if ends > now then bucket.added['x' .. id] = whole(ends) end
      end
    elseif kind == 'x' then
      ends = tonumber(fields[i + 1])
      if ends <= now then bucket.removed[#bucket.removed + 1] = fields[i] end
    end
    if ends and ends <= now then
      bucket.open = bucket.open - 1
      ends = nil
    end
    if ends and (due == nil or ends < due) then due = ends end
  end
  bucket.due = due
  return back
end

-- Places of the line that have not ended.
local function line(text)
  local found = {}
  if text and text ~= '' then
    for client, requested, ends in string.gmatch(text, '([^:,]+):(%d+):(%d+)') do
      if tonumber(ends) > now then
        found[#found + 1] = {client = client, requested = tonumber(requested), ends = tonumber(ends)}
      end
    end
  end
  return found
end

local function opened(i)
  local given = HEAD + (i - 1) * EACH
  local capacity, rate, initial = ARGV[given + 1] * FINE, tonumber(ARGV[given + 2]), ARGV[given + 3]
  local bucket = {key = KEYS[i], capacity = capacity, rate = rate, open = 0, removed = {}, added = {}, line = {}}
  local saved = call('HMGET', KEYS[i], 'level', 'at', 'line', 'due', 'last', 'open')
  if saved[1] then
    bucket.last, bucket.open = tonumber(saved[5]), tonumber(saved[6])
    bucket.due = tonumber(saved[4])
    bucket.line = line(saved[3])
    -- A clock that went back restores nothing, and everything from then on.
    local level = saved[1] + math.max(0, now - saved[2]) * rate
    if bucket.due and bucket.due <= now then level = level + ended(bucket) end
    bucket.level = math.min(capacity, level)
  elseif initial == '' then
    bucket.level = capacity
  elseif initial ~= '?' then
    bucket.level = math.min(capacity, initial * FINE)
  end
  return bucket
end

local function add(bucket, amount)
  bucket.level = math.max(-bucket.capacity, math.min(bucket.capacity, bucket.level + amount * FINE))
end

local function save(bucket)
  local text = {}
  for i, place in ipairs(bucket.line) do
    text[i] = place.client .. ':' .. whole(place.requested) .. ':' .. whole(place.ends)
  end
  -- One by one: a call takes no more arguments than Lua's stack, and there may be any number of holds.
  for _, field in ipairs(bucket.removed) do call('HDEL', bucket.key, field) end
  for field, value in pairs(bucket.added) do call('HSET', bucket.key, field, value) end
  call('HSET', bucket.key, 'level', whole(bucket.level), 'at', whole(now), 'line', table.concat(text, ','),
    'due', bucket.due and whole(bucket.due) or '', 'last', whole(bucket.last or 0), 'open', whole(bucket.open))
  -- Gone when it would be full, since one that is not there is; but not before its holds, nor before its line.
  if bucket.rate > 0 then
    local keep = math.ceil((bucket.capacity - bucket.level) / bucket.rate) + grace
    if bucket.open > 0 then keep = math.max(keep, bucket.last - now) end
    call('PEXPIRE', bucket.key, whole(keep))
  else
    call('PERSIST', bucket.key)
  end
end

local buckets = {}
for i = 1, #KEYS do
  buckets[i] = opened(i)
  if buckets[i].level == nil then return {-1} end
end

local answer = {0, 0}

if verb == 'take' then
  local hold, client, requested, ends = ARGV[3], ARGV[4], tonumber(ARGV[5]), now + ARGV[6]
  local wait, by = 0, 0
  for i, bucket in ipairs(buckets) do
    bucket.available = bucket.level
    local head = bucket.line[1]
    if head and not (head.client == client and head.requested == requested) then
      bucket.available = bucket.level - head.requested * FINE
    end
    local missing = requested * FINE - bucket.available
    bucket.wait = 0
    if missing > 0 then
      bucket.wait = bucket.rate > 0 and math.min(longest, math.ceil(missing / bucket.rate)) or longest
    end
    if bucket.wait > wait then wait, by = bucket.wait, i end
  end
  answer = {by, wait}
  local until_then = now + math.min(wait, patience) + grace
  for _, bucket in ipairs(buckets) do
    local mine
    for i, place in ipairs(bucket.line) do
      if place.client == client and place.requested == requested then mine = i end
    end
    if wait > 0 then
      answer[#answer + 1] = math.floor(bucket.available / FINE)
      if mine then
        bucket.line[mine].ends = until_then
      elseif bucket.wait > 0 and #bucket.line < places and requested * FINE <= bucket.capacity then
        -- What never fits gets no place: at the head it would keep everything from everybody.
        bucket.line[#bucket.line + 1] = {client = client, requested = requested, ends = until_then}
      end
    else
      bucket.level = bucket.level - requested * FINE
      if mine then table.remove(bucket.line, mine) end
      bucket.added['h' .. hold] = whole(ends) .. ':' .. whole(requested)
      bucket.open = bucket.open + 1
      bucket.due = math.min(bucket.due or ends, ends)
      bucket.last = math.max(bucket.last or 0, ends + late)
    end
    save(bucket)
  end
elseif verb == 'settle' then
  local hold, actual = ARGV[3], tonumber(ARGV[4])
  for _, bucket in ipairs(buckets) do
    local ends, requested = string.match(call('HGET', bucket.key, 'h' .. hold) or '', '^(%d+):(%d+)$')
    local lapsed = bucket.added['x' .. hold] or call('HGET', bucket.key, 'x' .. hold)
    if lapsed then
      answer[1] = 1
      add(bucket, -actual)
      bucket.added['x' .. hold] = nil
      bucket.removed[#bucket.removed + 1] = 'x' .. hold
      bucket.open = bucket.open - 1
    elseif ends and tonumber(ends) > now then  -- else it ended long ago, and `opened` found out just now
      answer[1] = 1
      add(bucket, requested - actual)
      bucket.removed[#bucket.removed + 1] = 'h' .. hold
      bucket.open = bucket.open - 1
    end
    save(bucket)
  end
elseif verb == 'give' then
  for _, bucket in ipairs(buckets) do
    add(bucket, ARGV[3])
    save(bucket)
  end
end
for _, bucket in ipairs(buckets) do answer[#answer + 1] = math.floor(bucket.level / FINE) end
return answer
