import { Aws } from 'aws-cdk-lib';
import { CfnCustomAction } from 'aws-cdk-lib/aws-chatbot';
import type { Construct } from 'constructs';

/**
 * The button below a notice that asks for approval, in Slack or Teams by Amazon Q Developer in chat applications.
 * It invokes the function; who may do that, the role of the chat channel says.
 */
export class ApprovalButton extends CfnCustomAction {
  constructor(scope: Construct, id: string, functionName: string) {
    const payload = '{"operation":"approve","rollback_id":"$Id","requested_by":"chat"}';
    super(scope, id, {
      // A function's name has as many characters as an action's may have.
      actionName: functionName,
      attachments: [
        {
          notificationType: 'Custom',
          buttonText: 'Roll back',
          criteria: [{ variableName: 'Event', operator: 'EQUALS', value: 'Approval Needed' }],
          variables: {
            Event: 'event.metadata.eventType',
            Id: 'event.metadata.additionalContext.rollback_id',
          },
        },
      ],
      definition: {
        commandText: `lambda invoke --function-name ${functionName} --region ${Aws.REGION} --payload ${payload}`,
      },
    });
  }
}
