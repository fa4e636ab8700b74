/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The scripts that the server runs, each at one instant: what they change is
 * there whole or not at all. Keys, below "{PREFIX}:", which is one slot:
 *
 *	v		the version of this schema
 *	c		hash: counters (stamp, incidents, dropped, bad)
 *	s:SOURCE	the last number of a source
 *	k		sorted set: known domains by day
 *	E T F		sorted sets: domains with evaluations, TLS results,
 *			incidents
 *	ec:DOM tc:DOM	hash: sums by HOUR GEN SET
 *	el:DOM tl:DOM	hash: the row that was counted last by HOUR GEN
 *	e:GEN:HOUR:SET:DOM t:...	sorted set: rows with their counts
 *	f:GEN:DOM	sorted set: incidents by time
 *	q:K:DOM		the token of who holds a take; expires by itself
 *	y:K:DOM		the token of the last commit, for a repeated one
 *	o:SET:TOKEN	what a take holds, summed, and in order (o:x)
 *	z:TOKEN:ID	a report that is not committed yet
 *	r:ID		hash: a report, its body and its submissions
 *	R rd:DOM	sorted sets: reports by when they were made
 *	D		sorted set: pending submissions by next try
 *	tr td:DEST	sorted sets: submissions by last try
 *	w p		hashes: secrets, suppressions
 *	M m:DOM		MTA-STS policies: their names, one each
 *	L		sorted set: "p" or "r" (put, removed) and the domain by
 *			the number of its last change, which counts
 *			microseconds (stsf in c: where the known ones begin;
 *			sts: the last)
 *	X xs x:DOM	destinations: domains, by last time, one each
 *	b		list: bad datagrams
 *
 * GEN is "l" for what is recorded now and "f" for what a take holds. A take
 * renames l to f, so that what comes later is not in it; a commit removes f.
 * If the holder dies, f stays and is counted like l; the next take puts the two
 * together. SET is "n" for rows that cause a report and "o" for optional ones,
 * followed by "s" or "f" (success, failure) for TLS results.
 *
 * Only "v" is named as a key of the scripts, for the others follow from data.
 * So while a Cluster moves the slot a script would find some of them and not
 * others: it asks for a key that never is ("-"), which fails then, and does
 * nothing.
 *
 * Each key expires 400 days after it was last written; writers renew those
 * that belong to all when they connect.
 */
#include "lib/store/redis_lua.h"

#include "lib/store/redis_lua_parts.h"

static const char *const record_scripts[] = {
    /* w or r; the version, which a writer sets */
    [REDIS_HELLO] =
	"local p=string.sub(KEYS[1],1,-2)\n"
	"local v=redis.call('GET',KEYS[1])\n"
	"if ARGV[1]=='w' then\n"
	" if not v then v='" REDIS_VERSION "' redis.call('SET',KEYS[1],v) end\n"
	" if v=='" REDIS_VERSION "' then\n"
	"  for k in string.gmatch('v w p c k E T F R D M L X xs tr "
	"b','%a+') do\n"
	"   redis.pcall('EXPIRE',p..k,34560000)\n"
	"  end\n"
	" end\n"
	"end\n"
	"return v\n",
    /* see put_batch() in redis_record.c */
    [REDIS_ADD] =
	PROLOGUE "local at=10\n"
		 "local function nx() at=at+1 return A[at-1] end\n"
		 "local sk=p..'s:'..A[1]\n"
		 "if A[2]~='00000000000000000000' then\n"
		 " local old=R('GET',sk)\n"
		 " if old and old>=A[2] then return 0 end\n"
		 "end\n"
		 "for i=1,N(A[4]) do\n"
		 " local dom,day=nx(),nx()\n"
		 " local old=R('ZSCORE',p..'k',dom)\n"
		 " if not old or N(old)<N(day) then R('ZADD',p..'k',day,"
		 "dom) end\n"
		 "end\n"
		 "local sums,lasts,sets,known={},{},{},{}\n"
		 "local function bump(kind,dom,hour,set,count,row)\n"
		 " local k=p..kind..':l:'..hour..':'..set..':'..dom\n"
		 " R('ZINCRBY',k,count,row)\n"
		 " sets[k]=true\n"
		 " local h=kind..dom\n"
		 " local t=sums[h]\n"
		 " if not t then t={} sums[h]=t lasts[h]={} end\n"
		 " local f=hour..'l'..set\n"
		 " t[f]=(t[f] or 0)+N(count)\n"
		 "end\n"
		 "for i=1,N(A[5]) do\n"
		 " local dom,hour,flag,count,row=nx(),nx(),nx(),nx(),nx()\n"
		 " if flag=='k' then\n"
		 "  local s=known[dom]\n"
		 "  if s==nil then s=N(R('ZSCORE',p..'k',dom) or '-1') "
		 "known[dom]=s end\n"
		 "  local day=N(hour)\n"
		 "  day=day<0 and 0 or day-day%86400\n"
		 "  flag=(s>=0 and s>=day-N(A[3])*86400) and 'n' or 'o'\n"
		 " end\n"
		 " bump('e',dom,hour,flag,count,row)\n"
		 " lasts['e'..dom][hour]=flag..row\n"
		 "end\n"
		 "for i=1,N(A[6]) do\n"
		 " local dom,day,flag,good,bad,row=nx(),nx(),nx(),nx(),nx(),"
		 "nx()\n"
		 " bump('t',dom,day,flag..'s',good,row)\n"
		 " bump('t',dom,day,flag..'f',bad,row)\n"
		 " lasts['t'..dom][day]=flag..row\n"
		 "end\n"
		 "for h,t in pairs(sums) do\n"
		 " local kind,dom=string.sub(h,1,1),string.sub(h,2)\n"
		 " local ck,lk=p..kind..'c:'..dom,p..kind..'l:'..dom\n"
		 " for f,n in pairs(t) do R('HINCRBY',ck,f,I(n)) end\n"
		 " for hour,row in pairs(lasts[h]) do R('HSET',lk,hour..'l',"
		 "row) end\n"
		 " keep(ck) keep(lk)\n"
		 " R('ZADD',p..(kind=='e' and 'E' or 'T'),0,dom)\n"
		 "end\n"
		 "for k in pairs(sets) do keep(k) end\n"
		 "local ni=N(A[7])\n"
		 "if ni>0 then\n"
		 " local all,drop=N(R('HGET',p..'c','incidents') or '0'),0\n"
		 " local put=0\n"
		 " for i=1,ni do\n"
		 "  local dom,time,row=nx(),nx(),nx()\n"
		 "  local l=p..'f:l:'..dom\n"
		 "  if all>=N(A[9]) or R('ZCARD',l)+R('ZCARD',"
		 "p..'f:f:'..dom)>=100 then\n"
		 "   drop=drop+1\n"
		 "  else\n"
		 "   local n=R('HINCRBY',p..'c','stamp',1)\n"
		 "   R('ZADD',l,time,string.format('%016x',n)..row)\n"
		 "   R('ZADD',p..'F',0,dom)\n"
		 "   keep(l)\n"
		 "   all=all+1 put=put+1\n"
		 "  end\n"
		 " end\n"
		 " if put>0 then R('HINCRBY',p..'c','incidents',put) end\n"
		 " if drop>0 then R('HINCRBY',p..'c','dropped',drop) end\n"
		 "end\n"
		 "for i=1,N(A[8]) do\n"
		 " local dom,mx,n=nx(),nx(),{nx(),nx(),nx(),nx(),nx()}\n"
		 " local k=p..'x:'..dom\n"
		 " local old=R('HGET',k,mx)\n"
		 " local changed=not old\n"
		 " if old then\n"
		 "  local j=0\n"
		 "  for v in string.gmatch(old,'%d+') do\n"
		 "   j=j+1\n"
		 "   if N(v)>=N(n[j]) then n[j]=v else changed=true end\n"
		 "  end\n"
		 " end\n"
		 " if changed then\n"
		 "  R('HSET',k,mx,table.concat(n,' '))\n"
		 "  R('ZADD',p..'X',0,dom)\n"
		 "  R('ZADD',p..'xs',n[5],string.format('%03d',"
		 "#dom)..dom..mx)\n"
		 "  keep(k)\n"
		 " end\n"
		 "end\n"
		 "local nb=N(nx())\n"
		 "local total=nx()\n"
		 "for i=1,nb do R('LPUSH',p..'b',nx()) end\n"
		 "if nb>0 then R('LTRIM',p..'b',0,99) end\n"
		 "if total~='0' then R('HINCRBY',p..'c','bad',total) end\n"
		 "if A[2]~='00000000000000000000' then R('SET',sk,A[2],'EX',"
		 "34560000) end\n"
		 "return 1\n",
    [REDIS_COMMITTED] = PROLOGUE "return R('GET',p..'s:'..A[1])\n",
    /* domain, day, ... */
    [REDIS_KNOW] =
	PROLOGUE "for i=1,#A,2 do\n"
		 " local old=R('ZSCORE',p..'k',A[i])\n"
		 " if not old or N(old)<N(A[i+1]) then R('ZADD',p..'k',"
		 "A[i+1],A[i]) end\n"
		 "end\n"
		 "return 0\n",
    [REDIS_FORGET_KNOWN] =
	PROLOGUE "R('ZREMRANGEBYSCORE',p..'k','-inf','('..A[1])\n"
		 "local n=R('ZCARD',p..'k')\n"
		 "if n>N(A[2]) then R('ZREMRANGEBYRANK',p..'k',0,"
		 "n-N(A[2])-1) end\n"
		 "return 0\n",
    [REDIS_KNOWN] =
	PROLOGUE "return R('ZRANGE',p..'k',A[1],A[2],'WITHSCORES')\n",
    /* kind, to, after or the one domain, how many, 1 for one */
    [REDIS_DUE] =
	PROLOGUE "local kind,to,after,limit,exact=A[1],N(A[2]),A[3],A[4],"
		 "A[5]=='1'\n"
		 "local doms\n"
		 "if exact then doms={after}\n"
		 "else\n"
		 " local idx=({e='E',t='T',f='F'})[kind]\n"
		 " doms=R('ZRANGEBYLEX',p..idx,after=='' and '-' or "
		 "'('..after,'+','LIMIT',0,limit)\n"
		 "end\n"
		 "local out={#doms>0 and doms[#doms] or ''}\n"
		 "local function put(dom,first,last,rows,a,b,o)\n"
		 " out[#out+1]={dom,first,last,I(rows),I(a),I(b),I(o)}\n"
		 "end\n"
		 "for _,dom in ipairs(doms) do\n"
		 " if kind=='f' then\n"
		 "  local n,first,last=0\n"
		 "  for _,g in ipairs({'f','l'}) do\n"
		 "   local k=p..'f:'..g..':'..dom\n"
		 "   local c=R('ZCOUNT',k,'-inf','('..A[2])\n"
		 "   if c>0 then\n"
		 "    n=n+c\n"
		 "    local x=R('ZRANGEBYSCORE',k,'-inf','('..A[2],"
		 "'WITHSCORES','LIMIT',0,1)[2]\n"
		 "    local y=R('ZREVRANGEBYSCORE',k,'('..A[2],'-inf',"
		 "'WITHSCORES','LIMIT',0,1)[2]\n"
		 "    if not first or N(x)<N(first) then first=x end\n"
		 "    if not last or N(y)>N(last) then last=y end\n"
		 "   end\n"
		 "  end\n"
		 "  if n>0 then put(dom,first,last,n,n,0,0) end\n"
		 " else\n"
		 "  local h=R('HGETALL',p..kind..'c:'..dom)\n"
		 "  local first,last,rows,a,b,o,any=nil,nil,0,0,0,0,false\n"
		 "  for i=1,#h,2 do\n"
		 "   local hour,gen,set=string.match(h[i],"
		 "'^(-?%d+)([lf])(%a+)$')\n"
		 "   if hour and N(hour)<to then\n"
		 "    local n=N(h[i+1])\n"
		 "    any=true\n"
		 "    if not first or N(hour)<N(first) then first=hour end\n"
		 "    if not last or N(hour)>N(last) then last=hour end\n"
		 "    if string.sub(set,2)~='f' then\n"
		 "     rows=rows+R('ZCARD',"
		 "p..kind..':'..gen..':'..hour..':'..set..':'..dom)\n"
		 "     a=a+n\n"
		 "    else b=b+n end\n"
		 "    if string.sub(set,1,1)=='o' then o=o+n end\n"
		 "   end\n"
		 "  end\n"
		 "  if any then put(dom,first,last,rows,a,b,o) end\n"
		 " end\n"
		 "end\n"
		 "return out\n",
    /* kind, domain, from, to: the sets of rows in order */
    [REDIS_SETS] =
	PROLOGUE "local kind,dom,from,to=A[1],A[2],N(A[3]),N(A[4])\n"
		 "local h=R('HKEYS',p..kind..'c:'..dom)\n"
		 "local l={}\n"
		 "for _,f in ipairs(h) do\n"
		 " local hour,gen,set=string.match(f,'^(-?%d+)([lf])(%a+)$')\n"
		 " if hour and N(hour)>=from and N(hour)<to and "
		 "string.sub(set,2)~='f' then\n"
		 "  l[#l+1]={hour,gen,set}\n"
		 " end\n"
		 "end\n"
		 "table.sort(l,function(x,y)\n"
		 " if x[1]~=y[1] then return N(x[1])<N(y[1]) end\n"
		 " if x[3]~=y[3] then return x[3]<y[3] end\n"
		 " return x[2]<y[2]\n"
		 "end)\n"
		 "return l\n",
    /* kind, generation, hour, set, domain, first, last rank */
    [REDIS_PAGE] =
	PROLOGUE "local k=p..A[1]..':'..A[2]..':'..A[3]..':'..A[4]..':'..A[5"
		 "]\n"
		 "local r=R('ZRANGE',k,A[6],A[7],'WITHSCORES')\n"
		 "if A[1]=='e' then return r end\n"
		 "local k2=p..A[1]..':'..A[2]..':'..A[3]..':'..string.sub(A["
		 "4],1,1)..'f:'..A[5]\n"
		 "local out={}\n"
		 "for i=1,#r,2 do\n"
		 " out[#out+1]=r[i] out[#out+1]=r[i+1]\n"
		 " out[#out+1]=R('ZSCORE',k2,r[i]) or '0'\n"
		 "end\n"
		 "return out\n",
    [REDIS_NAMES] =
	PROLOGUE "return R('ZRANGEBYLEX',p..A[1],A[2]=='' and '-' or "
		 "'('..A[2],'+','LIMIT',0,A[3])\n",
    [REDIS_REMOVE] =
	PROLOGUE "local kind,dom=A[1],A[2]\n"
		 "if R('EXISTS',p..'q:'..kind..':'..dom)==1 then return "
		 "redis.error_reply('BUSY a report is being made of it') end\n"
		 "local ck=p..kind..'c:'..dom\n"
		 "local h,sum=R('HGETALL',ck),0\n"
		 "for i=1,#h,2 do\n"
		 " local hour,gen,set=string.match(h[i],"
		 "'^(-?%d+)([lf])(%a+)$')\n"
		 " if hour then\n"
		 "  sum=sum+N(h[i+1])\n"
		 "  R('UNLINK',p..kind..':'..gen..':'..hour..':'..set..':'.."
		 "dom)\n"
		 " end\n"
		 "end\n"
		 "R('UNLINK',ck,p..kind..'l:'..dom)\n"
		 "R('ZREM',p..(kind=='e' and 'E' or 'T'),dom)\n"
		 "return I(sum)\n",
    /* 0, 1: somebody else has it, 2: nothing is there */
    [REDIS_BEGIN] = PROLOGUE TAKE
    "local holder=R('GET',q)\n"
    "if holder and holder~=A[5] then return 1 end\n"
    "local any=false\n"
    "if kind=='f' then\n"
    " any=R('ZCOUNT',p..'f:l:'..dom,A[3],'('..A[4])+R('ZCOUNT',"
    "p..'f:f:'..dom,A[3],'('..A[4])>0\n"
    "else\n"
    " for _,f in ipairs(R('HKEYS',ck)) do any=any or "
    "field(f)~=nil end\n"
    "end\n"
    "if not any then return 2 end\n"
    "move('l','f')\n"
    "R('SET',q,A[5],'PX',A[6])\n"
    "return 0\n",
    [REDIS_LAST] = PROLOGUE TAKE
    "if R('GET',q)~=A[5] then return redis.error_reply('BUSY "
    "the hold on these rows has ended') end\n"
    "R('PEXPIRE',q,A[6])\n"
    "if kind=='f' then\n"
    " return R('ZREVRANGEBYSCORE',p..'f:f:'..dom,'('..A[4],"
    "A[3],'WITHSCORES','LIMIT',0,1)\n"
    "end\n"
    "local top\n"
    "for _,f in ipairs(R('HKEYS',ck)) do\n"
    " local hour,gen=field(f)\n"
    " if hour and gen=='f' and (not top or N(hour)>N(top)) "
    "then top=hour end\n"
    "end\n"
    "if not top then return false end\n"
    "local last=R('HGET',lk,top..'f')\n"
    "if not last then return false end\n"
    "local flag,row=string.sub(last,1,1),string.sub(last,2)\n"
    "if kind=='e' then return {row,top,flag,R('ZSCORE',key('f',"
    "top,flag),row) or '0','0'} end\n"
    "return {row,top,flag,R('ZSCORE',key('f',top,flag..'s'),"
    "row) or '0',R('ZSCORE',key('f',top,flag..'f'),row) or '0'}\n",
    /* the take; the row before (or its rank), how many */
    [REDIS_ROWS] = PROLOGUE TAKE
    "if R('GET',q)~=A[5] then return redis.error_reply('BUSY "
    "the hold on these rows has ended') end\n"
    "R('PEXPIRE',q,A[6])\n"
    "if kind=='f' then\n"
    " return R('ZRANGEBYSCORE',p..'f:f:'..dom,A[3],'('..A[4],"
    "'WITHSCORES','LIMIT',A[8],A[9])\n"
    "end\n"
    "local token=A[5]\n"
    "local hours,sets={},{}\n"
    "for _,f in ipairs(R('HKEYS',ck)) do\n"
    " local hour,gen,set=field(f)\n"
    " if hour and gen=='f' then\n"
    "  if not sets[set] then sets[set]={} end\n"
    "  table.insert(sets[set],hour)\n"
    "  hours[hour]=true\n"
    " end\n"
    "end\n"
    "local ox=p..'o:x:'..token\n"
    "if R('EXISTS',ox)==0 then\n"
    " local names={}\n"
    " for set,l in pairs(sets) do\n"
    "  local keys={}\n"
    "  for _,hour in ipairs(l) do keys[#keys+1]=key('f',hour,"
    "set) end\n"
    "  local k=p..'o:'..set..':'..token\n"
    "  for i=1,#keys,500 do\n"
    "   R('ZUNIONSTORE',k,math.min(500,#keys-i+1)+1,k,"
    "unpack(keys,i,math.min(i+499,#keys)))\n"
    "  end\n"
    "  R('EXPIRE',k,3600)\n"
    "  names[#names+1]=k\n"
    " end\n"
    " if #names==0 then return {} end\n"
    " local c={'ZUNIONSTORE',ox,#names}\n"
    " for _,k in ipairs(names) do c[#c+1]=k end\n"
    " c[#c+1]='WEIGHTS'\n"
    " for _ in ipairs(names) do c[#c+1]=0 end\n"
    " R(unpack(c))\n"
    " R('EXPIRE',ox,3600)\n"
    "end\n"
    "local list={}\n"
    "for hour in pairs(hours) do list[#list+1]=hour end\n"
    "table.sort(list,function(x,y) return N(x)<N(y) end)\n"
    "local function first(row)\n"
    " for _,hour in ipairs(list) do\n"
    "  for set in pairs(sets) do\n"
    "   if R('ZSCORE',key('f',hour,set),row) then return hour "
    "end\n"
    "  end\n"
    " end\n"
    " return list[1]\n"
    "end\n"
    "local out={}\n"
    "for _,row in ipairs(R('ZRANGEBYLEX',ox,A[8]=='0' and '-' "
    "or '('..A[7],'+','LIMIT',0,A[9])) do\n"
    " local r={row,first(row)}\n"
    " for _,set in ipairs(kind=='e' and {'n','o'} or {'ns',"
    "'nf','os','of'}) do\n"
    "  r[#r+1]=R('ZSCORE',p..'o:'..set..':'..token,row) or '0'\n"
    " end\n"
    " out[#out+1]=r\n"
    "end\n"
    "return out\n",
    /* token, id, field, value, ...: 1 when the id is there */
    [REDIS_STAGE] = PROLOGUE "local id=A[2]\n"
			     "if R('EXISTS',p..'r:'..id)==1 then return 1 end\n"
			     "local k=p..'z:'..A[1]..':'..id\n"
			     "R('UNLINK',k)\n"
			     "R('HSET',k,'id',id)\n"
			     "for i=3,#A,2 do R('HSET',k,A[i],A[i+1]) end\n"
			     "R('EXPIRE',k,3600)\n"
			     "return 0\n",
    /* as STAGE, at once */
    [REDIS_PUT] = PROLOGUE ENTER "local id=A[2]\n"
				 "local k=p..'r:'..id\n"
				 "if R('EXISTS',k)==1 then return 1 end\n"
				 "R('HSET',k,'id',id)\n"
				 "for i=3,#A,2 do R('HSET',k,A[i],A[i+1]) end\n"
				 "enter(id)\n"
				 "return 0\n",
    /* the take, ids: 1 when it is no longer held */
    [REDIS_COMMIT] = PROLOGUE TAKE ENTER
    "local token=A[5]\n"
    "if R('GET',q)~=token then\n"
    " return R('GET',p..'y:'..kind..':'..dom)==token and 0 or 1\n"
    "end\n"
    "for i=7,#A do\n"
    " if R('EXISTS',p..'z:'..token..':'..A[i])==0 or "
    "R('EXISTS',p..'r:'..A[i])==1 then return 1 end\n"
    "end\n"
    "if kind=='f' then\n"
    " local n=R('ZREMRANGEBYSCORE',p..'f:f:'..dom,A[3],"
    "'('..A[4])\n"
    " R('HINCRBY',p..'c','incidents',-n)\n"
    " if R('EXISTS',p..'f:f:'..dom)+R('EXISTS',"
    "p..'f:l:'..dom)==0 then R('ZREM',p..'F',dom) end\n"
    "else\n"
    " for _,f in ipairs(R('HKEYS',ck)) do\n"
    "  local hour,gen,set=field(f)\n"
    "  if hour and gen=='f' then\n"
    "   R('UNLINK',key('f',hour,set))\n"
    "   R('HDEL',ck,f)\n"
    "   R('HDEL',lk,hour..'f')\n"
    "  end\n"
    " end\n"
    " if R('EXISTS',ck)==0 then\n"
    "  R('ZREM',p..(kind=='e' and 'E' or 'T'),dom)\n"
    "  R('UNLINK',lk)\n"
    " end\n"
    "end\n"
    "for i=7,#A do\n"
    " R('RENAME',p..'z:'..token..':'..A[i],p..'r:'..A[i])\n"
    " enter(A[i])\n"
    "end\n"
    "R('SET',p..'y:'..kind..':'..dom,token,'EX',86400)\n"
    "R('UNLINK',q)\n"
    "forget_order(token)\n"
    "return 0\n",
    [REDIS_ABORT] = PROLOGUE TAKE
    "local token=A[5]\n"
    "for i=7,#A do R('UNLINK',p..'z:'..token..':'..A[i]) end\n"
    "forget_order(token)\n"
    "if R('GET',q)==token then\n"
    " move('f','l')\n"
    " R('UNLINK',q)\n"
    "end\n"
    "return 0\n",
};

const char *
redis_script(enum redis_script script)
{
	return script < REDIS_LEDGER_FIRST
		   ? record_scripts[script]
		   : redis_ledger_scripts[script - REDIS_LEDGER_FIRST];
}
