-- Leases and values of the cache in Redis.
-- ARGV[1]: what to do. KEYS: the values' keys; a lease's is the value's and ":lease".

-- lease: ARGV[2] who asks, ARGV[3] milliseconds. Answers which keys (from 1) it got, and after each what is kept there:
-- somebody may have loaded it since he who asks has looked.
if ARGV[1] == 'lease' then
    local granted = {}
    for index = 1, #KEYS do
        if redis.call('SET', KEYS[index] .. ':lease', ARGV[2], 'NX', 'PX', ARGV[3]) then
            granted[#granted + 1] = index
            granted[#granted + 1] = redis.call('GET', KEYS[index])
        end
    end
    return granted
end

-- give back: ARGV[2] who had them.
if ARGV[1] == 'give back' then
    for index = 1, #KEYS do
        if redis.call('GET', KEYS[index] .. ':lease') == ARGV[2] then
            redis.call('DEL', KEYS[index] .. ':lease')
        end
    end
    return 0
end

-- keep: ARGV[2] milliseconds; the values follow. Each is kept for 0.9 to 1.1 times that, so that they do not end at once.
-- The lease ends: whoever gets the next one is told the value.
if ARGV[1] == 'keep' then
    for index = 1, #KEYS do
        local milliseconds = math.floor(ARGV[2] * (0.9 + 0.2 * math.random()))
        redis.call('SET', KEYS[index], ARGV[2 + index], 'PX', milliseconds)
        redis.call('DEL', KEYS[index] .. ':lease')
    end
    return 0
end

return redis.error_reply('unknown verb')
