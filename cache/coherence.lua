-- What all processes know of writes. One call is one moment: nothing comes between.
-- KEYS: a hash (generation, sequence, born, watched, renewed, newest), the last writes by slot (a text of 24 hex digits
-- each), and the writes under way by when they are given up. ARGV[1]: what to do. ARGV[2]: a name for a generation.
local state, slots, announced = KEYS[1], KEYS[2], KEYS[3]
local channel = state
local digits, last_slot = 24, 65535

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- If any of it is gone, so is what the rest means. The one under way that never ends shows that none were lost.
if redis.call('EXISTS', state, slots, announced) < 3 then
    redis.call('DEL', state, slots, announced)
    redis.call('HSET', state, 'generation', ARGV[2], 'sequence', 0, 'born', now, 'watched', 0, 'renewed', '', 'newest', '')
    redis.call('SETRANGE', slots, digits * (last_slot + 1) - 1, '0')
    redis.call('ZADD', announced, '+inf', '')
end

-- A message: its number, the generation, and what the verb says.
local function publish(text)
    local sequence = redis.call('HINCRBY', state, 'sequence', 1)
    local generation = redis.call('HGET', state, 'generation')
    redis.call('PUBLISH', channel, string.format('%d', sequence) .. ' ' .. generation .. ' ' .. text)
end

local verb = ARGV[1]

if verb == 'join' then
    local known = redis.call('HMGET', state, 'generation', 'sequence', 'born', 'watched', 'newest')
    return {
        known[1],
        known[2],
        known[3],
        string.format('%d', now),
        known[4],
        known[5],
        redis.call('GET', slots),
        redis.call('ZRANGEBYSCORE', announced, '-inf', '(+inf', 'WITHSCORES'),
    }
end

-- ARGV[3]: 1 if the caller sees that nobody writes unheard.
if verb == 'beat' then
    if ARGV[3] == '1' then
        redis.call('HSET', state, 'watched', now)
    end
    return redis.call('HMGET', state, 'generation', 'sequence', 'watched')
end

-- ARGV[3]: the write. ARGV[4]: after how many milliseconds it is given up.
if verb == 'announce' then
    redis.call('ZADD', announced, now + ARGV[4], ARGV[3])
    publish('announced ' .. ARGV[3])
    return 0
end

-- ARGV[3]: the write. ARGV[4]: where it went. ARGV[5]: 1 if only a write that is still under way is meant. Then its slots.
if verb == 'done' then
    local under_way = redis.call('ZREM', announced, ARGV[3])
    if ARGV[5] == '1' and under_way == 0 then
        return 0
    end
    for index = 6, #ARGV do
        local at = ARGV[index] * digits
        if redis.call('GETRANGE', slots, at, at + digits - 1) < ARGV[4] then
            redis.call('SETRANGE', slots, at, ARGV[4])
        end
    end
    if redis.call('HGET', state, 'newest') < ARGV[4] then
        redis.call('HSET', state, 'newest', ARGV[4])
    end
    publish('done ' .. ARGV[4] .. ' ' .. ARGV[3])
    return 1
end

if verb == 'undone' then
    redis.call('ZREM', announced, ARGV[3])
    publish('undone ' .. ARGV[3])
    return 0
end

-- What is kept is believed no more. ARGV[3]: where the database is; nothing is done if that has been said before.
if verb == 'renew' then
    if redis.call('HGET', state, 'renewed') < ARGV[3] then
        redis.call('HSET', state, 'generation', ARGV[2], 'renewed', ARGV[3])
        publish('renewed ' .. ARGV[3])
    end
    return 0
end

return redis.error_reply('unknown verb')
