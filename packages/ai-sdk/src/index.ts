/** A provider for the Vercel AI SDK: vision-language models in the same process. */
export { createCasa, type CasaOptions, type CasaProvider } from './provider.ts'
