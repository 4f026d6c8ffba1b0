// Stands for the SDK's default credential chain in the Lambda bundle (tools/build.mjs).
export { fromEnv as defaultProvider } from '@aws-sdk/credential-provider-env';
