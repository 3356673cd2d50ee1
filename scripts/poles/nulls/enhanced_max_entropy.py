"""enhanced"""
from __future__ import annotations
from dataclasses import dataclass
import numpy as np
from scipy.optimize import brentq
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from poles.nulls import Moments, Network
from poles.nulls.solvers import *
from poles.nulls.solvers import Coordinates, newton

def exchangeable(rises, falls):
    """Pairs that can change while all row and column sums stay."""
    n = len(rises)
    arcs = np.zeros((2 * n, 2 * n), dtype=bool)
    arcs[:n, n:] = rises
    arcs[n:, :n] = falls.T
    _, label = connected_components(csr_array(arcs), directed=True, connection="strong")
    return label[:n, None] == label[None, n:]

@dataclass(frozen=True)
class Support:
    linked: np.ndarray   # observed
    free: np.ndarray     # link may or may not be
    heavy: np.ndarray    # weight may exceed 1
    @classmethod
    def of(cls, network):
        pairs = ~np.eye(len(network.countries), dtype=bool)
        linked = network.weights > 0
        free = exchangeable(pairs & ~linked, linked) & pairs
        possible = free | linked
        return cls(linked, free, exchangeable(possible, network.weights > 1) & possible)

@dataclass(frozen=True)
class Law:
    p: np.ndarray; absent: np.ndarray; mu: np.ndarray
    @property
    def expected(self): return self.p*(1+self.mu)

@dataclass(frozen=True)
class Point:
    t: Coordinates
    u: Coordinates

class EnhancedDual:
    def __init__(self, network, support):
        self.network, self.support = network, support
        self.links = support.linked.astype(float)
        self.excess = network.weights - self.links
        self.cache=None
    def law(self, point):
        if self.cache and self.cache[0] is point: return self.cache[1]
        u = np.where(self.support.heavy, point.u.u(), np.inf)
        with np.errstate(over='ignore'):
            z = -np.expm1(-u)*np.exp(point.t.u())
            mu = 1/np.expm1(u)
        p = np.where(self.support.free, 1/(1+z), self.links)
        absent = np.where(self.support.free, 1/(1+1/z), 0)
        law= Law(p, absent, mu)
        self.cache=(point,law)
        return law
    def residual(self, point):
        law=self.law(point)
        return residual_of(self.network,(law.p,self.links),(law.expected,self.network.weights))[0]
    def recast(self, point):
        if self.support.heavy.any() and point.u.cancellation(self.support.heavy) > 16:
            u=Coordinates.choose(point.u.u(), self.support.heavy, point.u.symmetric)
            return Point(u.of(point.t.u()),u)
        return point
    def gradient(self, point):
        law=self.law(point)
        return np.concatenate([point.t.sums(self.links-law.p), point.u.sums(self.excess-law.p*law.mu)])
    def hessian(self, point):
        law=self.law(point)
        p,a,mu=law.p,law.absent,law.mu
        tt=point.t.products(p*a); tu=point.t.products(p*mu*a); uu=point.u.products(p*mu*(1+mu)+p*a*mu*mu)
        return np.block([[tt,tu],[tu,uu]])
    def move(self, point, step):
        h=len(step)//2
        return Point(point.t.at(point.t.values+step[:h]), point.u.at(point.u.values+step[h:]))
    def reach(self, point, step):
        h=len(step)//2
        u,change=point.u.u()[self.support.heavy], point.u.at(step[h:]).u()[self.support.heavy]
        f=change<0
        return float((-u[f]/change[f]).min(initial=np.inf))

def start(network, support):
    links = support.linked
    kf=[(support.free&links).sum(a).astype(float) for a in (1,0)]
    L=kf[0].sum()
    lk=[np.log(np.where(k>0,k,1)/np.sqrt(max(L,1))) for k in kf]
    p0=np.where(support.free, 1/(1+np.exp(-(lk[0][:,None]+lk[1][None,:]))), links)
    exc=np.where(support.heavy, network.weights-links,0)
    ratio=[]
    for ax in (1,0):
        r=exc.sum(ax); k=(links&support.heavy).sum(ax)
        ratio.append(np.where((r>0)&(k>0), r/np.maximum(k,1),1.0))
    R=exc.sum()
    def ab(lc): return [np.log1p(np.exp(lc)/x) for x in ratio]
    if support.heavy.any():
        def surplus(lc):
            a,b=ab(lc); u=a[:,None]+b[None,:]
            with np.errstate(over='ignore'): return np.log((p0/np.expm1(u))[support.heavy].sum()/R)
        lc=brentq(surplus,-60,60,xtol=1e-2)
    else: lc=0.
    a,b=ab(lc)
    h=[0.5*np.log(-np.expm1(-2*x)) for x in (a,b)]
    g=[-lk[i]-h[i] for i in (0,1)]
    u=a[:,None]+b[None,:]; t=g[0][:,None]+g[1][None,:]
    if support.free.any():
        om=np.where(support.heavy,-np.expm1(-u),1)
        f=lambda s: np.log((1/(1+om*np.exp(t+s)))[support.free].sum()/L)
        t=t+brentq(f,-60,60,xtol=1e-2)
    uc=Coordinates.choose(u,support.heavy,not network.directed)
    return Point(uc.of(t),uc)

def fit(network):
    support=Support.of(network)
    dual=EnhancedDual(network,support)
    point,it=newton(dual,start(network,support))
    law=dual.law(point)
    p,mu=law.p,law.mu
    E=law.expected
    V=p*law.absent*(1+mu)**2+p*mu*(1+mu)
    res,worst=residual_of(network,(p,dual.links),(E,network.weights))
    return Moments(E,np.sqrt(V),p,res,worst,it)
