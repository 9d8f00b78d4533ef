import { afterEach, describe, expect, it } from "vitest";
import { noise } from "../test/compare.js";
import { JitError, jitStateful, tf, trainStep } from "./index.js";

afterEach(() => {
  tf.setBackend("cpu");
  tf.disposeVariables();
});

/** tf.layers makes initial weights from the seeds given here. */
const seeded = (seed: number) => tf.initializers.glorotUniform({ seed });

function convolutional(): tf.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.conv2d({ inputShape: [6, 6, 2], filters: 4, kernelSize: 3, activation: "relu", kernelInitializer: seeded(1) }),
      tf.layers.batchNormalization(),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 3, activation: "softmax", kernelInitializer: seeded(2) }),
    ],
  }); // biome-ignore format: a list of layers
}

function recurrent(): tf.LayersModel {
  const [kernelInitializer, recurrentInitializer] = [seeded(3), seeded(4)];
  return tf.sequential({
    layers: [
      tf.layers.embedding({ inputDim: 7, outputDim: 4, inputLength: 5, embeddingsInitializer: seeded(5) }),
      tf.layers.lstm({ units: 3, returnSequences: true, kernelInitializer, recurrentInitializer }),
      tf.layers.gru({ units: 3, kernelInitializer, recurrentInitializer }),
      tf.layers.dense({ units: 3, activation: "softmax", kernelInitializer: seeded(2) }),
    ],
  });
}

const labels = { shape: [4, 3], data: Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0) };
const tokens = { shape: [4, 5], data: Float32Array.from({ length: 20 }, (_, i) => (i * 3) % 7) };

describe("a training step of tf.layers against trainOnBatch on tfjs's cpu backend", () => {
  const cases = [
    ["convolution, batch norm, pooling, sgd", convolutional, () => tf.train.sgd(0.1), noise([4, 6, 6, 2], 1.3)],
    ["convolution, batch norm, pooling, adam", convolutional, () => tf.train.adam(0.01), noise([4, 6, 6, 2], 1.3)],
    ["embedding, lstm, gru, rmsprop", recurrent, () => tf.train.rmsprop(0.01), tokens],
  ] as const;

  it.each(cases)("%s", async (_, build, optimizer, x) => {
    const compiled = () => {
      const model = build();
      model.compile({ optimizer: optimizer(), loss: "categoricalCrossentropy", metrics: ["accuracy"] });
      return model;
    };
    const [model, reference] = [compiled(), compiled()];
    const step = trainStep(model);
    const [xs, ys] = [tf.tensor(x.data, [...x.shape]), tf.tensor(labels.data, labels.shape)];
    for (let i = 0; i < 5; i++) {
      const [loss, accuracy] = await step(x, labels);
      const [wanted, wantedAccuracy] = (await reference.trainOnBatch(xs, ys)) as number[];
      expect(loss).toBeCloseTo(wanted!, 5);
      expect(accuracy).toBeCloseTo(wantedAccuracy!, 6);
    }
    for (const [i, weight] of model.getWeights().entries()) {
      const difference = weight.sub(reference.getWeights()[i]!).abs().max().dataSync()[0]!;
      expect(difference).toBeLessThan(2e-5);
    }
    expect(model.optimizer.iterations).toBe(5);
    await step.dispose();
  });

  it("other settings of the optimizer, steps without waiting, and a first one that fails", async () => {
    const build = () => {
      const model = convolutional();
      model.compile({ optimizer: tf.train.adam(0.01), loss: "categoricalCrossentropy" });
      return model;
    };
    const [model, reference] = [build(), build()];
    const step = trainStep(model);
    const x = noise([4, 6, 6, 2], 1.3);
    const [xs, ys] = [tf.tensor(x.data, [...x.shape]), tf.tensor(labels.data, labels.shape)];
    await expect(step(noise([4, 5, 5, 2]), labels)).rejects.toThrow();
    for (const learningRate of [0.01, 0.05, 0.002]) {
      for (const { optimizer } of [model, reference]) Object.assign(optimizer, { learningRate });
      for (const [loss] of await Promise.all([step(x, labels), step(x, labels), step(x, labels)])) {
        expect(loss).toBeCloseTo((await reference.trainOnBatch(xs, ys)) as number, 5);
      }
    }
    await step.dispose();
    const unready = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] })] });
    expect(() => trainStep(unready)).toThrow(/is not compiled/);
  });

  it("allocates nothing in tfjs from step to step", async () => {
    const model = convolutional();
    model.compile({ optimizer: tf.train.adam(0.01), loss: "categoricalCrossentropy" });
    const step = trainStep(model);
    const x = noise([4, 6, 6, 2], 1.3);
    for (let i = 0; i < 2; i++) await step(x, labels);
    const { numTensors, numDataBuffers } = tf.memory();
    for (let i = 0; i < 3; i++) await step(x, labels);
    expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers });
    await step.dispose();
  });

  it("dropout: what is kept is scaled, differs from step to step, and follows from the seed; predictions are whole", async () => {
    const units = 2000;
    const ones = { shape: [1, units], data: new Float32Array(units).fill(1) };
    const zero = { shape: [1, 1], data: Float32Array.of(0) };
    const keptIn = async (seed: number) => {
      const kernelInitializer = "zeros";
      const model = tf.sequential({
        layers: [
          tf.layers.dropout({ rate: 0.25, inputShape: [units], seed: 3 }),
          tf.layers.dense({ units: 1, kernelInitializer, useBias: false, trainable: true }),
        ],
      });
      // The loss is the negative output: a step adds what was let through to the weights.
      model.compile({ optimizer: tf.train.sgd(1), loss: (_, output) => output.neg().mean() });
      const step = trainStep(model, { seed });
      const kept: string[] = [];
      let before = new Float32Array(units);
      for (let i = 0; i < 4; i++) {
        await step(ones, zero);
        const weights = (await model.getWeights()[0]!.data()) as Float32Array;
        const added = weights.map((weight, j) => weight - before[j]!);
        for (const value of added) expect(Math.min(Math.abs(value), Math.abs(value - 4 / 3))).toBeLessThan(1e-5);
        kept.push(Array.from(added, (value) => (value > 1 ? 1 : 0)).join(""));
        before = weights.slice();
      }
      const whole = (model.predict(tf.tensor(ones.data, [1, units])) as tf.Tensor).dataSync()[0]!;
      expect(whole / before.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 4);
      await step.dispose();
      return kept;
    };
    const kept = await keptIn(1);
    for (const mask of kept) {
      const rate = [...mask].filter((bit) => bit === "0").length / units;
      // Five standard deviations of 2000 throws.
      expect(Math.abs(rate - 0.25)).toBeLessThan(0.05);
    }
    expect(new Set([...kept, ...(await keptIn(2))]).size).toBe(8);
    expect(await keptIn(1)).toEqual(kept);
  });

  it("dropout of other batches, and in recurrent layers", async () => {
    const model = tf.sequential({
      layers: [
        tf.layers.lstm({ units: 3, inputShape: [5, 2], dropout: 0.5, recurrentDropout: 0.5 }),
        tf.layers.alphaDropout({ rate: 0.2 }),
        tf.layers.dense({ units: 1 }),
      ],
    });
    model.compile({ optimizer: tf.train.sgd(0), loss: "meanSquaredError" });
    const step = trainStep(model);
    const losses: number[] = [];
    for (const batch of [3, 3, 1, 3, 1]) {
      losses.push(...(await step(noise([batch, 5, 2]), { shape: [batch, 1], data: new Float32Array(batch) })));
    }
    expect(new Set(losses).size).toBe(5);
    await step.dispose();
  });

  it("refuses random numbers that would be the same in every step", async () => {
    const model = tf.sequential({
      layers: [tf.layers.gaussianNoise({ stddev: 0.5, inputShape: [3] }), tf.layers.dense({ units: 3 })],
    });
    model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
    const step = trainStep(model);
    await step(noise([4, 3]), labels);
    await expect(step(noise([4, 3]), labels)).rejects.toThrow(/random numbers/);
  });
});

it("a step must not make variables once it is traced", async () => {
  const step = jitStateful((x: tf.Tensor) => tf.variable(x).square());
  const x = noise([2]);
  expect((await (await step(x)).read()).data[0]).toBeCloseTo(x.data[0]! ** 2);
  await expect(step(x)).rejects.toThrow(JitError);
});
