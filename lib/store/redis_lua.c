/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The scripts that the server runs, each at one instant: what they change is
 * there whole or not at all. Keys, below "{PREFIX}:", which is one slot:
 *
 *	v		the version of this schema
 *	c		hash: counters (stamp, incidents, dropped, bad)
 *	s:SOURCE	the last number of a source
 *	o:SOURCE	hash: who has the source: the number n and the token t
 *			of its fence, the source's number s when it came, and
 *			m and u, which were n and t before; none: nobody has,
 *			as in the store of an older program
 *	k		sorted set: known domains by day
 *	ie it		sorted sets: DOM, NUL, CODE GEN of each hash of rows
 *	he:GEN:CODE:DOM ht:...	hash: rows of an hour or day with their counts,
 *			see redis_lua_rows.c
 *	F		sorted set: domains with incidents
 *	f:l:DOM f:f:DOM	sorted sets: incidents by time; taken ones
 *	q:K:DOM		the token of who holds a take; expires by itself
 *	y:K:DOM		the token of the last commit, for a repeated one
 *	z:TOKEN:ID	a report that is not committed yet
 *	r:ID		hash: a report, its body and its submissions
 *	R rd:DOM	sorted sets: reports by when they were made
 *	D		sorted set: pending submissions by next try
 *	tr td:DEST	sorted sets: submissions by last try
 *	w p		hashes: secrets, suppressions
 *	M m:DOM		MTA-STS policies: their names, one each
 *	l:DOM		the fence of who fetches; expires by itself
 *	L		sorted set: "p" or "r" (put, removed) and the domain by
 *			the number of its last change, which counts
 *			microseconds (stsf in c: where the known ones begin;
 *			sts: the last)
 *	X xs x:DOM	destinations: domains, by last time, one each
 *	b		list: bad datagrams
 *
 * GEN is "l" for what is recorded now and "t" with a number for what a take
 * holds. A take renames, so that what comes later is not in it; a commit
 * removes. If the holder dies, what it held stays and is counted like the rest;
 * the next take has it too, and never is one hash added to another.
 *
 * Only "v" is named as a key of the scripts, for the others follow from data.
 * So while a Cluster moves the slot a script would find some of them and not
 * others: it asks for a key that never is ("-"), which fails then, and does
 * nothing.
 *
 * Each key expires 400 days after it was last written, a hash of rows after it
 * was made. Those that belong to all are renewed by who writes them, at most
 * once a day, and by each writer that connects.
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
	"  for k in string.gmatch('v w p c k ie it F R D M L X xs "
	"tr b','%a+') do\n"
	"   redis.pcall('EXPIRE',p..k,34560000)\n"
	"  end\n"
	" end\n"
	"end\n"
	"return v\n",
    /*
     * A step of making version 2 of version 1: up to 500 rows out of the
     * sorted sets e:GEN:HOUR:SET:DOM and t:..., with the sums in ec:DOM and
     * tc:DOM, the last rows in el:DOM and tl:DOM, the domains in E and T. 1:
     * there are more. The version changes when nothing is left, so older
     * programs go on until then; but whoever of them holds a take loses it.
     */
    [REDIS_RENEW_ROWS] =
	"local R,p,N=redis.call,string.sub(KEYS[1],1,-2),tonumber\n"
	"if R('GET',KEYS[1])~='1' then return 0 end\n" SLOT HELPERS COUNTS
	"local function set_of(kind,dom,f)\n"
	" local ck,lk=p..kind..'c:'..dom,p..kind..'l:'..dom\n"
	" local hour,gen,set=string.match(f,'^(-?%d+)([lf])(%a)%a?$')\n"
	" if not hour then R('HDEL',ck,f) return end\n"
	" local from=p..kind..':'..gen..':'..hour..':'..set\n"
	" local bad=from..'f:'..dom\n"
	" from=from..(kind=='t' and 's:' or ':')..dom\n"
	" local code='8'..string.format('%015x',math.max(0,N(hour)))\n"
	" local k=p..'h'..kind..':l:'..code..':'..dom\n"
	" local rows=R('ZRANGE',from,0,499,'WITHSCORES')\n"
	" if #rows==0 then\n"
	"  local last=R('HGET',lk,hour..gen)\n"
	"  if last and (gen=='l' or R('HEXISTS',lk,hour..'l')==0) and "
	"R('EXISTS',k)==1 then R('HSET',k,'L',last) end\n"
	"  R('HDEL',ck,hour..gen..set,hour..gen..set..'s',"
	"hour..gen..set..'f')\n"
	"  return\n"
	" end\n"
	" local s=set=='n' and 'N' or 'O'\n"
	" for i=1,#rows,2 do\n"
	"  local row,c,add=set..rows[i],rows[i+1],one\n"
	"  if kind=='t' then\n"
	"   c=c..' '..(R('ZSCORE',bad,rows[i]) or '0')\n"
	"   add=two\n"
	"   R('ZREM',bad,rows[i])\n"
	"  end\n"
	"  R('HSET',k,row,add(R('HGET',k,row),c),s,add(R('HGET',k,s),c))\n"
	"  R('HSETNX',k,'L',row)\n"
	"  R('ZREM',from,rows[i])\n"
	" end\n"
	" R('ZADD',p..'i'..kind,0,dom..'\\0'..code..'l')\n"
	" keep(k) share('i'..kind)\n"
	"end\n"
	"for kind,names in pairs({e='E',t='T'}) do\n"
	" local dom=R('ZRANGE',p..names,0,0)[1]\n"
	" if dom then\n"
	"  local f=R('HKEYS',p..kind..'c:'..dom)[1]\n"
	"  R('UNLINK',p..'q:'..kind..':'..dom)\n"
	"  if f then set_of(kind,dom,f) else\n"
	"   R('UNLINK',p..kind..'c:'..dom,p..kind..'l:'..dom)\n"
	"   R('ZREM',p..names,dom)\n"
	"  end\n"
	"  return 1\n"
	" end\n"
	"end\n"
	"R('SET',KEYS[1],'" REDIS_VERSION "')\n"
	"return 0\n",
    [REDIS_COMMITTED] = PROLOGUE "return R('GET',p..'s:'..A[1])\n",
    /*
     * source, token, the fence it has or 0, the fence it is to follow: how it
     * went, the fence that is there, the source's number. 0: it is its own;
     * 1: it is another's; 2: without a fence of his own nobody gets by one
     * that he has not seen, so that this call too may come late
     */
    [REDIS_FENCE] = PROLOGUE FENCE
    "local k=p..'o:'..A[1]\n"
    "local seq=R('GET',p..'s:'..A[1]) or '0'\n"
    "local o=R('HMGET',k,'n','t')\n"
    "local n,mine=N(o[1] or '0'),N(A[3])\n"
    "if o[2]==A[2] then return {0,I(n),seq} end\n"
    "if mine>0 and n>=mine then return {1,I(n),seq} end\n"
    "if mine==0 and n~=N(A[4]) then return {2,I(n),seq} end\n"
    "if mine==0 then mine=n+1 end\n"
    "fence(k,I(mine),A[2],o,seq)\n"
    "return {0,I(mine),seq}\n",
    /* domain, day, ... */
    [REDIS_KNOW] =
	PROLOGUE "for i=1,#A,2 do\n"
		 " local old=R('ZSCORE',p..'k',A[i])\n"
		 " if not old or N(old)<N(A[i+1]) then R('ZADD',p..'k',"
		 "A[i+1],A[i]) end\n"
		 "end\n"
		 "share('v') share('k')\n"
		 "return 0\n",
    [REDIS_FORGET_KNOWN] =
	PROLOGUE "R('ZREMRANGEBYSCORE',p..'k','-inf','('..A[1])\n"
		 "local n=R('ZCARD',p..'k')\n"
		 "if n>N(A[2]) then R('ZREMRANGEBYRANK',p..'k',0,"
		 "n-N(A[2])-1) end\n"
		 "return 0\n",
    /* cursor, how many to look at */
    [REDIS_KNOWN] = PROLOGUE "return R('ZSCAN',p..'k',A[1],'COUNT',A[2])\n",
    [REDIS_NAMES] =
	PROLOGUE "return R('ZRANGEBYLEX',p..A[1],A[2]=='' and '-' or "
		 "'('..A[2],'+','LIMIT',0,A[3])\n",
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
};

const char *
redis_script(enum redis_script script)
{
	if (script >= REDIS_UPKEEP_FIRST)
		return redis_upkeep_scripts[script - REDIS_UPKEEP_FIRST];
	if (script >= REDIS_LEDGER_FIRST)
		return redis_ledger_scripts[script - REDIS_LEDGER_FIRST];
	if (script >= REDIS_ROWS_FIRST)
		return redis_row_scripts[script - REDIS_ROWS_FIRST];
	return record_scripts[script];
}
