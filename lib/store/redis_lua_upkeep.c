/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The scripts of exports and checks: they only read. */
#include "lib/store/redis_lua_parts.h"

const char *const redis_upkeep_scripts[] = {
    /* cursor, how many to look at: the next cursor, the sources seen */
    [REDIS_SOURCES - REDIS_UPKEEP_FIRST] =
	PROLOGUE KEYS "local r=scan(A[1],p..'s:',A[2])\n"
		      "local out={r[1]}\n"
		      "for _,k in ipairs(r[2]) do\n"
		      " local seq=R('GET',k)\n"
		      " if seq then out[#out+1]={string.sub(k,#p+3),seq} end\n"
		      "end\n"
		      "return out\n",
    /* kind, domain, from, to: row, code, flag */
    [REDIS_LAST_ROW - REDIS_UPKEEP_FIRST] = PROLOGUE PART
    "local kind,dom=A[1],A[2]\n"
    "local top,k\n"
    "for _,m in ipairs(R('ZRANGEBYLEX',p..'i'..kind,'['..dom..'\\0'..A[3],"
    "'('..dom..'\\0'..A[4])) do\n"
    " local d,code,gen=part(m)\n"
    /* what is recorded now stands before what takes have held, and is newer */
    " if d==dom and (code~=top or k~='l') then top,k=code,gen end\n"
    "end\n"
    "if not top then return false end\n"
    "local h=p..'h'..kind..':'..k..':'..top..':'..dom\n"
    "local last=R('HGET',h,'L')\n"
    "if not last then\n"
    " for _,f in ipairs(R('HKEYS',h)) do\n"
    "  if f~='N' and f~='O' then last=f end\n"
    " end\n"
    "end\n"
    "if not last then return false end\n"
    "return {string.sub(last,2),top,string.sub(last,1,1)}\n",
    /*
     * cursor, how many to look at: the next cursor, then of each key name, type
     * and seconds it has; for a report 1 when no index has it
     */
    [REDIS_KEYS - REDIS_UPKEEP_FIRST] = PROLOGUE KEYS
    "local r=scan(A[1],p,A[2])\n"
    "local out={r[1]}\n"
    "for _,k in ipairs(r[2]) do\n"
    " local name,lost=string.sub(k,#p+1),'0'\n"
    " if string.sub(name,1,2)=='r:' then\n"
    "  local seq=R('HGET',k,'seq') or ''\n"
    "  if not R('ZSCORE',p..'R',seq..string.sub(name,3)) then "
    "lost='1' end\n"
    " end\n"
    " local t=R('TYPE',k).ok\n"
    " if t~='none' then out[#out+1]={name,t,I(R('TTL',k)),lost} "
    "end\n"
    "end\n"
    "return out\n",
    /* R or D, first, last rank: how many, then what leads nowhere */
    [REDIS_STRAYS - REDIS_UPKEEP_FIRST] =
	PROLOGUE "local l=R('ZRANGE',p..A[1],A[2],A[3])\n"
		 "local out={I(#l)}\n"
		 "for _,m in ipairs(l) do\n"
		 " local n=A[1]=='D' and 2 or 0\n"
		 " local h=p..'r:'..string.sub(m,17+n)\n"
		 " local good=R('HGET',h,'seq')==string.sub(m,1,16)\n"
		 " if good and n>0 then\n"
		 "  good=R('HGET',h,I(N(string.sub(m,17,18),16))..'s')=='0'\n"
		 " end\n"
		 " if not good then out[#out+1]=string.sub(m,17+n) end\n"
		 "end\n"
		 "return out\n",
};
