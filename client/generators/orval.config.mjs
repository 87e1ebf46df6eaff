export default {
  stepwise: {
    input: `${process.env.STEPWISE_URL}/openapi.json`,
    output: { target: 'generated/orval.ts', client: 'fetch', baseUrl: process.env.STEPWISE_URL },
  },
};
