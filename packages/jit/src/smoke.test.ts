import { expect, it } from "vitest";
import { jit, nn, tf, valueAndGrad, gradOf } from "./index.js";
const rnd = (shape: number[], seed = 1) => { const n = shape.reduce((a,b)=>a*b,1); const data = new Float32Array(n); for (let i=0;i<n;i++) data[i]=Math.sin(i*12.9898*seed+seed)*1.0; return {shape, data}; };
it("block", async () => {
  const B=2,F=3,H=4,W=4,C=8;
  const params = { g: rnd([C],2), b: rnd([C],3), w: rnd([C,C,1,3,3],4), wt: rnd([C,C,3,1,1],5), bias: rnd([C],6), q: rnd([3*C,C],7), film: rnd([B,C],8) };
  const x = rnd([B,F,H,W,C],9);
  const f = (p: any, x: any) => {
    let h = nn.silu(nn.groupNorm(x, { groups: 4, gamma: p.g, beta: p.b }));
    h = nn.conv(h, p.w, { bias: p.bias });
    h = nn.conv(h, p.wt, { bias: p.bias });
    h = nn.silu(nn.groupNorm(h, { groups: 4, gamma: p.g.add(p.film), beta: p.film }));
    const qkv = nn.linear(h.reshape([B*F, H*W, C]), p.q, undefined);
    const [q,k,v] = tf.split(qkv, 3, 2);
    const hd = (t: any) => t.reshape([B*F, H*W, 2, C/2]).transpose([0,2,1,3]);
    const y = nn.attention(hd(q!), hd(k!), hd(v!), { scale: 0.5 });
    return nn.nearest(y, 0, 10).square().mean();
  };
  const step = (p: any, x: any) => {
    const r = valueAndGrad((p: any) => { const g = gradOf((x) => ({ value: f(p, x) }), x); return { value: f(p, x), aux: { g: g.grad } }; }, p);
    return r;
  };
  const prog = jit(step as any);
  console.log(String(prog.lower(params, x)).split("\n").length);
  const out: any = await prog(params, x);
  const toT = (t: any): any => t.data ? tf.tensor(t.data, t.shape) : Object.fromEntries(Object.entries(t).map(([k,v])=>[k,toT(v)]));
  const eager: any = step(toT(params), toT(x));
  const cmp = async (a: any, b: any, name: string) => {
    const d = (await a.read()).data; const e = b.dataSync(); let m = 0, s = 0;
    expect(a.shape).toEqual(b.shape);
    for (let i=0;i<d.length;i++) { m=Math.max(m,Math.abs(d[i]-e[i])); s = Math.max(s, Math.abs(e[i])); }
    console.log(name, m, s); expect(m).toBeLessThan(1e-5*Math.max(1,s));
  };
  await cmp(out.value, eager.value, "value");
  await cmp(out.aux.g, eager.aux.g, "gx");
  for (const k of Object.keys(params)) await cmp(out.grads[k], eager.grads[k], k);
});
